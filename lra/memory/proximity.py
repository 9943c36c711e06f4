"""How near to each other a text says the words of a question that belong together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from lra.memory.query import Terms
from lra.store.fts import fold

_WORD = re.compile(r"\w+")
_BEGINNING = 2
_NEAR = ((1, 1.0), (3, 0.6), (8, 0.25))
"""Up to how many words apart, and how much that is worth."""

Stems = Callable[[Sequence[str]], list[tuple[str, ...]]]


class Proximity:
    """Compares texts with the neighbouring words of one question.

    Args:
        terms: The question.
        stems: Gives the tokens of words.
    """

    def __init__(self, terms: Terms, stems: Stems) -> None:
        self._stems = stems
        words = sorted((term for term in terms.all if not term.word.gram), key=lambda term: term.place)
        self._places = {stem: term.place for term in words for stem in term.stems}
        self._pairs = [
            (one.place, other.place, min(one.weight, other.weight))
            for one, other in pairwise(words)
            if other.place == one.place + 1
        ]
        self._whole = sum(weight for _, _, weight in self._pairs)
        self._beginnings = {stem[:_BEGINNING] for stem in self._places}

    def of(self, text: str) -> float:
        """Return from 0 (nowhere together) to 1 (every pair side by side)."""
        if not self._pairs or not self._whole:
            return 0.0
        words = _WORD.findall(fold(text).lower())
        like = [(at, word) for at, word in enumerate(words) if word[:_BEGINNING] in self._beginnings]
        found: dict[int, list[int]] = {}
        for (at, _), stems in zip(like, self._stems([word for _, word in like]), strict=True):
            for stem in stems:
                if (place := self._places.get(stem)) is not None:
                    found.setdefault(place, []).append(at)
        gathered = 0.0
        for one, other, weight in self._pairs:
            if one in found and other in found:
                apart = min(abs(a - b) for a in found[one] for b in found[other])
                gathered += weight * next((worth for most, worth in _NEAR if apart <= most), 0.0)
        return gathered / self._whole
