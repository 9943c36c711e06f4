"""Dropping hits that only repeat a better one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from lra.memory.hits import Hit
from lra.memory.words import FUNCTION_WORDS
from lra.store.fts import fold

_WORD = re.compile(r"\w+")
_TELLING = frozenset(
    ("lra", "note", "noted", "remember", "remembered", "said", "stored", "tell", "told", "today", "yesterday")
)
"""Words of remembering itself, which a fact and the talk about it differ by."""
_SAME = 0.9
"""Share of words in common from which two short texts say the same."""
_SHORT = 60
"""Words; longer texts are compared as they are."""


def without_echoes(hits: Iterable[Hit], limit: int) -> list[Hit]:
    """Return the first hits in order, without those whose text a better hit already gave.

    What was kept on purpose takes the place of a better hit that merely says the same.

    Args:
        hits: The hits, best first.
        limit: How many at most.
    """
    kept: list[Hit] = []
    told = _Told()
    for hit in hits:
        full = len(kept) >= limit
        if full and (hit.kind == "turn" or not any(other.kind == "turn" for other in kept)):
            continue
        words = tuple(_WORD.findall(fold(hit.content).lower()))
        place = told.find(words)
        if place is not None:
            if kept[place].kind == "turn" != hit.kind:
                kept[place] = replace(hit, score=kept[place].score)
        elif not full:
            told.add(words)
            kept.append(hit)
    return kept


class _Told:
    """Texts by their place, found again by their words or by nearly the same ones."""

    def __init__(self) -> None:
        self._exact: dict[tuple[str, ...], int] = {}
        self._distinct: dict[int, frozenset[str]] = {}
        self._holding: dict[str, list[int]] = {}

    def add(self, words: tuple[str, ...]) -> None:
        place = len(self._exact)
        self._exact[words] = place
        if 0 < len(words) <= _SHORT:
            self._distinct[place] = frozenset(words)
            for word in self._distinct[place]:
                self._holding.setdefault(word, []).append(place)

    def find(self, words: tuple[str, ...]) -> int | None:
        """Return the first place whose text says the same."""
        places = {self._exact[words]} if words in self._exact else set()
        if 0 < len(words) <= _SHORT:
            distinct = frozenset(words)
            # A text that says the same lacks so few of the words that it holds one of any that are more.
            enough = int((1 - _SAME) * len(distinct) + 1e-9) + 1
            near = {place for word in sorted(distinct, key=len)[-enough:] for place in self._holding.get(word, ())}
            places |= {place for place in near if _similar(distinct, self._distinct[place])}
        return min(places, default=None)


def bag(text: str) -> frozenset[str]:
    """Return the distinct words of a text."""
    return frozenset(_WORD.findall(fold(text).lower()))


def gist(text: str) -> frozenset[str]:
    """Return the distinct words of a text that say what it is about, not how it was put."""
    words = bag(text)
    return frozenset(words - FUNCTION_WORDS - _TELLING) or words


def is_question(text: str, asked: frozenset[str]) -> bool:
    """Tell whether a text is a question about nothing but what is asked (see `gist`)."""
    return text.rstrip().endswith(("?", "？", "؟")) and gist(text) <= asked


def _similar(one: frozenset[str], other: frozenset[str]) -> bool:
    if min(len(one), len(other)) < _SAME * max(len(one), len(other)):
        return False
    shared = len(one & other)
    return shared >= _SAME * (len(one) + len(other) - shared)
