"""What is measured of a ranking."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

NAMES = ("hit@1", "recall@5", "recall@10", "NDCG@5", "NDCG@10", "MRR")


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one question, or their means."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, ranked: Sequence[str], gold: Collection[str]) -> Quality:
        """Compare a ranking with what should be found; recall is the share of it that was."""
        first = next((place for place, name in enumerate(ranked, 1) if name in gold), 0)
        return cls(
            (
                float(first == 1),
                _recall(ranked[:5], gold),
                _recall(ranked[:10], gold),
                _ndcg(ranked[:5], gold, 5),
                _ndcg(ranked[:10], gold, 10),
                1 / first if first else 0.0,
            )
        )

    @classmethod
    def mean(cls, all_: Sequence[Quality]) -> Quality:
        """Return the means; of nothing they are not a number."""
        if not all_:
            return cls((math.nan,) * len(NAMES))
        return cls(tuple(fmean(values) for values in zip(*(one.values for one in all_), strict=True)))


def _recall(ranked: Sequence[str], gold: Collection[str]) -> float:
    return sum(name in gold for name in ranked) / len(gold)


def _ndcg(ranked: Sequence[str], gold: Collection[str], most: int) -> float:
    gained = sum(1 / math.log2(place + 1) for place, name in enumerate(ranked, 1) if name in gold)
    return gained / sum(1 / math.log2(place + 1) for place in range(1, min(most, len(gold)) + 1))


def auc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """Return how often one of the first is above one of the second; equal ones count half."""
    if not higher or not lower:
        return math.nan
    values = sorted([(value, True) for value in higher] + [(value, False) for value in lower])
    ranks = 0.0
    place = 0
    while place < len(values):
        end = place
        while end < len(values) and values[end][0] == values[place][0]:
            end += 1
        ranks += sum(is_higher for _, is_higher in values[place:end]) * (place + end + 1) / 2
        place = end
    return (ranks - len(higher) * (len(higher) + 1) / 2) / (len(higher) * len(lower))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else math.nan
