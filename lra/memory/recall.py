"""Recall: the few things worth putting in front of the model, or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lra.memory.echoes import bag, gist
from lra.memory.hits import CLEAR_COSINE, Hit
from lra.store.clock import iso
from lra.store.found import FoundRow

MEMORY_THRESHOLD = 0.35
TURN_THRESHOLD = 0.45
"""What was merely said must fit better than what was kept on purpose."""
TALK_COSINE = 0.5
"""From here what was merely said fits by its meaning alone; a memory does from `CLEAR_COSINE`."""
_BESIDE = 0.8
"""What was merely said comes along only if it fits nearly as well as the best that was."""
LEAST = 0.18
"""What fits worse is not even read; a cosine of `CLEAR_COSINE` alone scores just more."""
PATIENCE = 0.3
"""Seconds a turn waits for the vector of its message."""
BUDGET = 800
"""Rows a turn visits by words."""
INSTRUCTION_CHARS = 800
"""How much of the budget pinned instructions may take."""
_TALK = frozenset({"turn", "summary"})
_ASKS = ("?", "？", "؟")
_NEWS = 1
"""Words of meaning that a text must have beyond another to be news."""
_SPEAKER = re.compile(r"^(?:You|lra): ")
_STEM = 4
"""Letters that the forms of a word share."""
SPARE = 8
"""Hits looked at beyond the limit, for those that tell nothing new."""


def pinned(rows: Sequence[FoundRow], *, max_chars: int) -> list[Hit]:
    """Return pinned instructions as hits, in their order, as many as fit."""
    hits: list[Hit] = []
    left = min(INSTRUCTION_CHARS, max_chars)
    for row in rows:
        if len(row.content) > left:
            continue
        left -= len(row.content)
        hits.append(
            Hit(
                id=row.id,
                session=row.session,
                kind=row.kind,
                content=row.content,
                created_at=iso(row.created_at),
                score=1.0,
                signals={"pinned": 1.0},
            )
        )
    return hits


def select(text: str, hits: Sequence[Hit], *, limit: int, max_chars: int) -> list[Hit]:
    """Return the hits that fit well enough, tell something new and stay within the budget, best first."""
    said = bag(text)
    # That a memory is there is the answer to a question that holds all of its words.
    asked = text.rstrip().endswith(_ASKS)

    def confirms(hit: Hit) -> bool:
        return asked and hit.kind not in _TALK

    chosen: list[Hit] = []
    told: list[frozenset[str]] = []
    spent = 0
    enough = _BESIDE * max((hit.score for hit in hits if hit.kind == "turn"), default=0.0)
    # What was kept on purpose comes first where the scores are near: talk about it is then an echo. What no longer
    # holds comes last.
    for hit in sorted(hits, key=lambda hit: (bool(hit.changed), -round(hit.score, 1), hit.kind in _TALK)):
        if len(chosen) >= limit:
            break
        if hit.kind == "turn" and hit.score < enough:
            continue
        if not _fits(hit) or spent + len(hit.content) > max_chars or not (confirms(hit) or _tells(hit, said)):
            continue
        content = gist(hit.content)
        if any(_repeats(content, other) for other in told):
            continue
        chosen.append(hit)
        told.append(content)
        spent += len(hit.content)
    kept = [hit for hit in chosen if hit.kind != "summary" or _adds(hit, gist(text), chosen)]
    return sorted(kept, key=lambda hit: (bool(hit.changed), -hit.score))


def _adds(summary: Hit, asked: frozenset[str], chosen: Sequence[Hit]) -> bool:
    """Tell whether a summary says anything of what is asked that the other hits do not."""
    told = [gist(hit.content) for hit in chosen if hit.kind != "summary"]
    lines = [gist(_SPEAKER.sub("", line)) for line in summary.content.splitlines() if not line.rstrip().endswith("?")]
    begun = {word[:_STEM] for word in asked}
    about = [line for line in lines if any(word[:_STEM] in begun for word in line)]
    # Where no line has a word of it, it was found by its meaning.
    return not about or any(not any(_repeats(line, other) for other in told) for line in about)


def _fits(hit: Hit) -> bool:
    if hit.score >= (TURN_THRESHOLD if hit.kind == "turn" else MEMORY_THRESHOLD):
        return True
    # What somebody else said of themselves is as near in meaning as what was asked for.
    cosine = hit.signals.get("cosine", 0.0) * hit.signals.get("told_by", 1.0)
    return cosine >= (TALK_COSINE if hit.kind in _TALK else CLEAR_COSINE)


def _repeats(content: frozenset[str], other: frozenset[str]) -> bool:
    """Tell whether one text holds the other and little more."""
    fewer, more = sorted((content, other), key=len)
    return fewer <= more and len(more) - len(fewer) <= _NEWS


def _tells(hit: Hit, said: frozenset[str]) -> bool:
    """Return whether a hit holds anything that the message does not; an earlier question of its kind does not."""
    if hit.kind == "turn" and hit.content.rstrip().endswith(_ASKS):
        return False
    return not bag(hit.content) <= said
