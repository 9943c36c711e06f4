"""Dropping hits that only repeat a better one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lra.memory.hits import Hit
from lra.store.fts import fold

_WORD = re.compile(r"\w+")
_SAME = 0.9
"""Share of words in common from which two short texts say the same."""
_SHORT = 60
"""Words; longer texts are compared as they are."""


def without_echoes(hits: Iterable[Hit]) -> list[Hit]:
    """Return the hits in order, without those whose text a better hit already gave."""
    kept: list[Hit] = []
    seen: list[frozenset[str]] = []
    exact: set[tuple[str, ...]] = set()
    for hit in hits:
        words = tuple(_WORD.findall(fold(hit.content).lower()))
        if words in exact:
            continue
        distinct = frozenset(words)
        if len(words) <= _SHORT and any(_similar(distinct, other) for other in seen):
            continue
        exact.add(words)
        if words and len(words) <= _SHORT:
            seen.append(distinct)
        kept.append(hit)
    return kept


def bag(text: str) -> frozenset[str]:
    """Return the distinct words of a text."""
    return frozenset(_WORD.findall(fold(text).lower()))


def _similar(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < _SAME * max(len(one), len(other)):
        return False
    shared = len(one & other)
    return shared >= _SAME * (len(one) + len(other) - shared)
