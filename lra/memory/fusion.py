"""One score from words and meaning.

Scores are fused, not ranks: a rank says nothing about how good the best hit is, and recall must be able to say that
nothing is good enough.
"""

from __future__ import annotations

WORDS_SHARE = 0.5
UNRELATED = 0.15
SAME = 0.75
"""Cosines of texts that have nothing to do with each other, and of those that say the same."""


def nearness(cosine: float | None) -> float | None:
    """Return a cosine as a score from 0 (unrelated) to 1 (the same)."""
    if cosine is None:
        return None
    return min(1.0, max(0.0, (cosine - UNRELATED) / (SAME - UNRELATED)))


def fuse(words: float, meaning: float | None) -> float:
    """Return the score of a row; words alone count when it has no vector yet."""
    return words if meaning is None else WORDS_SHARE * words + (1 - WORDS_SHARE) * meaning
