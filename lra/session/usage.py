"""What a session has used so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lra.store import TurnRecord
from lra.store.extractions import Spent


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """Tokens, requests and money of a session, undone turns included, and how full its context is."""

    turns: int
    """Without those that were undone."""
    undone: int
    requests: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None when a turn ran on a model without a known price."""
    context_tokens: int
    """Estimated size of what the next request sends."""
    context_window: int


def usage_of(
    turns: Sequence[TurnRecord],
    *,
    undone: Sequence[TurnRecord],
    beside: Spent,
    context_tokens: int,
    context_window: int,
) -> SessionUsage:
    """Sum up turns.

    Args:
        turns: The turns of a session.
        undone: Those that were taken back, which the limit on cost counts as well.
        beside: What was spent on the session beside its turns.
        context_tokens: Estimated size of what the next request sends.
        context_window: The model's context window.
    """
    taken = [*turns, *undone]
    costs = [turn.cost for turn in taken if turn.requests] + [beside.cost]
    return SessionUsage(
        turns=len(turns),
        undone=len(undone),
        requests=sum(turn.requests for turn in taken) + beside.requests,
        input_tokens=sum(turn.input_tokens for turn in taken) + beside.input_tokens,
        output_tokens=sum(turn.output_tokens for turn in taken) + beside.output_tokens,
        cost=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        context_tokens=context_tokens,
        context_window=context_window,
    )
