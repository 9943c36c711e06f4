"""Dropping hits that only repeat a better one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lra.memory.hits import Hit
from lra.store.fts import fold

_WORD = re.compile(r"\w+")
_SAME = 0.9
"""Share of words in common from which two short texts say the same."""
_SHORT = 60
"""Words; longer texts are compared as they are."""


def without_echoes(hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits in order, without those whose text a better hit already gave.

    What was kept on purpose takes the place of a better hit that merely says the same.
    """
    kept: list[Hit] = []
    seen: list[tuple[tuple[str, ...], frozenset[str]]] = []
    for hit in hits:
        words = tuple(_WORD.findall(fold(hit.content).lower()))
        distinct = frozenset(words)
        place = next((i for i, other in enumerate(seen) if _echoes(words, distinct, *other)), None)
        if place is None:
            kept.append(hit)
            seen.append((words, distinct))
        elif kept[place].kind == "turn" != hit.kind:
            kept[place] = replace(hit, score=kept[place].score)
    return kept


def _echoes(
    words: tuple[str, ...], distinct: frozenset[str], other: tuple[str, ...], other_distinct: frozenset[str]
) -> bool:
    if words == other:
        return True
    return 0 < len(words) <= _SHORT and len(other) <= _SHORT and _similar(distinct, other_distinct)


def bag(text: str) -> frozenset[str]:
    """Return the distinct words of a text."""
    return frozenset(_WORD.findall(fold(text).lower()))


def _similar(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < _SAME * max(len(one), len(other)):
        return False
    shared = len(one & other)
    return shared >= _SAME * (len(one) + len(other) - shared)
