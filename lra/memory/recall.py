"""Recall: the few things worth putting in front of the model, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from lra.memory.hits import Hit

MEMORY_THRESHOLD = 0.35
TURN_THRESHOLD = 0.45
"""What was merely said must fit better than what was kept on purpose."""
PATIENCE = 0.3
"""Seconds a turn waits for the vector of its message."""
BUDGET = 2500
"""Rows a turn visits by words."""
INSTRUCTION_CHARS = 800
"""How much of the budget pinned instructions may take."""


def select(hits: Sequence[Hit], *, limit: int, max_chars: int) -> list[Hit]:
    """Return the hits that fit well enough and into the budget, best first."""
    chosen: list[Hit] = []
    spent = 0
    for hit in hits:
        if len(chosen) >= limit:
            break
        if hit.score < (TURN_THRESHOLD if hit.kind == "turn" else MEMORY_THRESHOLD):
            continue
        if spent + len(hit.content) > max_chars:
            continue
        chosen.append(hit)
        spent += len(hit.content)
    return chosen
