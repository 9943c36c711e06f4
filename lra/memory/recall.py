"""Recall: the few things worth putting in front of the model, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

from lra.memory.echoes import bag
from lra.memory.hits import Hit
from lra.store.clock import iso
from lra.store.records import MemoryRecord

MEMORY_THRESHOLD = 0.35
TURN_THRESHOLD = 0.45
"""What was merely said must fit better than what was kept on purpose."""
LEAST = 0.25
"""What fits worse is not even read. Below both thresholds: a memory may stand in for a turn that says the same."""
PATIENCE = 0.3
"""Seconds a turn waits for the vector of its message."""
BUDGET = 2000
"""Rows a turn visits by words."""
INSTRUCTION_CHARS = 800
"""How much of the budget pinned instructions may take."""
SPARE = 8
"""Hits looked at beyond the limit, for those that tell nothing new."""


def pinned(records: Sequence[MemoryRecord], *, max_chars: int) -> list[Hit]:
    """Return pinned instructions as hits, the oldest first, as many as fit."""
    hits: list[Hit] = []
    left = min(INSTRUCTION_CHARS, max_chars)
    for record in records:
        if record.kind != "instruction" or len(record.content) > left:
            continue
        left -= len(record.content)
        hits.append(
            Hit(
                id=record.id,
                session=record.session_id,
                kind=record.kind,
                content=record.content,
                created_at=iso(record.created_at),
                score=1.0,
                signals={"pinned": 1.0},
            )
        )
    return hits


def select(text: str, hits: Sequence[Hit], *, limit: int, max_chars: int) -> list[Hit]:
    """Return the hits that fit well enough, tell something new and stay within the budget, best first."""
    said = bag(text)
    chosen: list[Hit] = []
    spent = 0
    for hit in hits:
        if len(chosen) >= limit:
            break
        if hit.score < (TURN_THRESHOLD if hit.kind == "turn" else MEMORY_THRESHOLD):
            continue
        if spent + len(hit.content) > max_chars or not _tells(hit, said):
            continue
        chosen.append(hit)
        spent += len(hit.content)
    return chosen


def _tells(hit: Hit, said: frozenset[str]) -> bool:
    """Return whether a hit holds anything that the message does not; an earlier question of its kind does not."""
    if hit.kind == "turn" and hit.content.rstrip().endswith(("?", "？", "؟")):
        return False
    return not bag(hit.content) <= said
