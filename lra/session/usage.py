"""What a session has used so far."""

from __future__ import annotations

from dataclasses import dataclass

from lra.session.context_report import ContextReport
from lra.store import StructuredMemoryStore


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


async def used(store: StructuredMemoryStore, session_id: str, context: ContextReport) -> SessionUsage:
    """Sum up the turns of a session, and what was spent on it beside them.

    Args:
        store: The record.
        session_id: Which session.
        context: What fills its window.
    """
    turns, undone = await store.journal.turns(session_id), await store.journal.turns(session_id, undone=True)
    beside = await store.spending.beside(session_id)
    # What was undone was paid for, and the limit on cost counts it as well.
    taken = [*turns, *undone]
    costs = [turn.cost for turn in taken if turn.requests] + [beside.cost]
    return SessionUsage(
        turns=len(turns),
        undone=len(undone),
        requests=sum(turn.requests for turn in taken) + beside.requests,
        input_tokens=sum(turn.input_tokens for turn in taken) + beside.input_tokens,
        output_tokens=sum(turn.output_tokens for turn in taken) + beside.output_tokens,
        cost=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        context_tokens=context.used,
        context_window=context.window,
    )
