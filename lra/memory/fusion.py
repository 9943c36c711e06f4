"""One score from words and meaning.

Scores are fused, not ranks: a rank says nothing about how good the best hit is, and recall must be able to say that
nothing is good enough.
"""

from __future__ import annotations

MEANING_SHARE = 0.5
"""How far meaning alone can raise a score: the same text in other words reaches this much."""


def fuse(words: float, cosine: float | None) -> float:
    """Return the score of a row from its lexical score and its cosine, either of which may speak for it alone.

    A row without a vector keeps its lexical score, so scores stay comparable while the index is still being filled.
    """
    if cosine is None:
        return words
    return 1.0 - (1.0 - words) * (1.0 - MEANING_SHARE * min(1.0, max(0.0, cosine)))
