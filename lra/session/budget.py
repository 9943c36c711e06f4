"""Money and tokens: what a turn may still spend."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pydantic_ai.models import Model

from lra.agent.prices import Price, price_of
from lra.errors import BudgetError, ConfigError

OUTPUT_CAP = 4_096
"""Output tokens a request may use when there is a cost limit."""
OUTPUT_FLOOR = 64
"""Fewer output tokens than this are not worth a request."""


@dataclass(slots=True)
class Budget:
    """The limits of one turn.

    Args:
        max_cost: US dollars the session may cost in all; None for no limit.
        spent: US dollars it has cost before this turn.
        max_tokens: Tokens the session may use in all; None for no limit.
        used_tokens: Tokens it has used before this turn.
    """

    max_cost: float | None
    spent: float
    max_tokens: int | None = None
    used_tokens: int = 0

    def output_limit(self, model: Model, input_tokens: int, used: float) -> int | None:
        """Return the output tokens the next request may use; None when there is no cost limit.

        Args:
            model: The model about to be asked.
            input_tokens: Estimated input.
            used: US dollars this turn has cost so far.

        Raises:
            ConfigError: There is a limit and the model has no known price.
            BudgetError: What is spent plus the estimated request would exceed the limit, or the tokens are used up.
        """
        if self.max_tokens is not None and self.used_tokens >= self.max_tokens:
            raise BudgetError(
                f"This session's limit of {self.max_tokens} tokens is used up.",
                hint="Raise LRA_MAX_SESSION_TOKENS, or start a new session.",
            )
        if self.max_cost is None:
            return None
        price = checked_price(model)
        left = self.max_cost - self.spent - used - input_tokens * price.input
        affordable = OUTPUT_CAP if price.output == 0 else int(left / price.output)
        if left < 0 or affordable < OUTPUT_FLOOR:
            raise BudgetError(
                f"The cost limit of {_dollars(self.max_cost)} is reached:"
                f" {_spent(self.spent + used)} spent, and the next request could exceed it.",
                hint="Raise --max-cost to go on; everything so far is kept.",
            )
        return min(OUTPUT_CAP, affordable)


def _dollars(amount: float) -> str:
    """Return an amount in full, never as a power of ten."""
    whole, _, cents = f"{Decimal(repr(amount)):f}".partition(".")
    return f"${whole}" if not cents.strip("0") else f"${whole}.{cents.ljust(2, '0')}"


def _spent(amount: float) -> str:
    if amount == 0:
        return "nothing"
    return f"${amount:.4f}" if amount >= 0.0001 else "less than $0.0001"


def checked_price(model: Model) -> Price:
    """Return the model's price.

    Raises:
        ConfigError: It is not known.
    """
    price = price_of(model)
    if price is None:
        raise ConfigError(
            f"The model {model.model_name!r} has no known price, so a cost limit cannot be kept.",
            hint="Leave out --max-cost, or choose another model.",
        )
    return price
