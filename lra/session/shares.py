"""What a specialist may spend: a share of what its turn has left."""

from __future__ import annotations

from pydantic_ai import UsageLimits
from pydantic_ai.usage import RunUsage

from lra.agent.specialists import Specialist
from lra.errors import BudgetError
from lra.session.budget import Budget


class Shares:
    """Divides what one turn may spend among the specialists that work in it.

    Each is given half of what nobody has yet, so that several at once cannot spend more than there is, and the agent
    always has something left for its answer.

    Args:
        budget: The turn's money and tokens.
        limits: The turn's requests, calls and tokens.
    """

    def __init__(self, budget: Budget | None, limits: UsageLimits | None) -> None:
        self._budget = budget
        self._limits = limits or UsageLimits(request_limit=None)
        self._out: dict[str, tuple[float, RunUsage]] = {}
        """Money and usage that are given out, by call."""

    def take(self, call: str, used: RunUsage, specialist: Specialist) -> tuple[Budget, UsageLimits]:
        """Return what a specialist may spend.

        Args:
            call: The call that hands it the task.
            used: What the agent that hands it on has used so far.
            specialist: Who it is for.

        Raises:
            BudgetError: Too little is left.
        """
        limits = self._limits
        given = [usage for _, usage in self._out.values()]
        requests = _half(limits.request_limit, used.requests + sum(each.requests for each in given))
        calls = _half(limits.tool_calls_limit, used.tool_calls + sum(each.tool_calls for each in given))
        tokens = _half(limits.total_tokens_limit, used.total_tokens + sum(each.input_tokens for each in given))
        money = self._money(float(used.cost or 0))
        if requests == 0 or tokens == 0:
            raise BudgetError(f"Too little of this turn's budget is left for the specialist {specialist.name}.")
        most = specialist.max_requests if requests is None else min(specialist.max_requests, requests)
        self._out[call] = (money or 0.0, RunUsage(requests=most, tool_calls=calls or 0, input_tokens=tokens or 0))
        return (
            Budget(money, 0.0),
            UsageLimits(request_limit=most, tool_calls_limit=calls, total_tokens_limit=tokens),
        )

    def _money(self, used: float) -> float | None:
        if self._budget is None or self._budget.max_cost is None:
            return None
        given = sum(money for money, _ in self._out.values())
        return max(0.0, (self._budget.max_cost - self._budget.spent - used - given) / 2)

    def give_back(self, call: str) -> None:
        """Note that a specialist has ended; what it used counts as used from now on."""
        self._out.pop(call, None)


def _half(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used) // 2
