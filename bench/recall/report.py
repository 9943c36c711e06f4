"""The figures of one run, as one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from bench.recall.asking import Answer
from bench.recall.datasets import Collection
from bench.recall.metrics import NAMES, Quality, auc, percentile

Rank = Callable[[Answer, str], tuple[list[str], float]]
"""The ranked ids of an answer in a scope, and its top score."""


def as_found(answer: Answer, scope: str) -> tuple[list[str], float]:
    """Return the ranking that was given."""
    hits = answer.found[scope]
    return [hit.id for hit in hits], hits[0].score if hits else 0.0


def gold_of(collection: Collection, answer: Answer, scope: str) -> frozenset[str]:
    """Return what should be found in a scope: the rows, or their sessions."""
    if scope != "sessions":
        return answer.question.gold
    sessions = collection.sessions
    return frozenset(sessions[row] for row in answer.question.gold if row in sessions)


def measure(asked: Sequence[tuple[Collection, list[Answer]]], scope: str, *, rank: Rank = as_found) -> dict[str, Any]:
    """Return the figures of one scope over all collections."""
    qualities: dict[str, list[Quality]] = {}
    yes: list[float] = []
    no: list[float] = []
    seconds: list[float] = []
    for collection, answers in asked:
        for answer in answers:
            ranked, top = rank(answer, scope)
            (yes if answer.question.answerable else no).append(top)
            seconds.append(answer.seconds[scope])
            if gold := gold_of(collection, answer, scope):
                quality = Quality.of(ranked, gold)
                qualities.setdefault("", []).append(quality)
                if answer.question.category:
                    qualities.setdefault(answer.question.category, []).append(quality)
    return {
        "scope": scope,
        "n": len(qualities.get("", ())),
        "quality": {name: Quality.mean(found).values for name, found in sorted(qualities.items())},
        "counts": {name: len(found) for name, found in qualities.items()},
        "auc": auc(yes, no),
        "p50": percentile(seconds, 0.5) * 1000,
        "p95": percentile(seconds, 0.95) * 1000,
    }


def measure_recall(asked: Sequence[tuple[Collection, list[Answer]]]) -> dict[str, float]:
    """Return how right and how quiet recall is."""
    right = wrong = 0
    spoke: dict[bool, list[bool]] = {True: [], False: []}
    helped: list[bool] = []
    chars: list[int] = []
    for _, answers in asked:
        for answer in answers:
            question = answer.question
            spoke[question.answerable].append(bool(answer.injected))
            chars.append(sum(len(hit.content) for hit in answer.injected))
            if question.answerable and question.gold:
                good = sum(hit.id in question.gold for hit in answer.injected)
                right += good
                wrong += len(answer.injected) - good
                helped.append(good > 0)
            elif not question.answerable:
                wrong += len(answer.injected)
    return {
        "precision": right / max(1, right + wrong),
        "helped": fmean(helped) if helped else math.nan,
        "speaks when answerable": fmean(spoke[True]) if spoke[True] else math.nan,
        "speaks when not": fmean(spoke[False]) if spoke[False] else math.nan,
        "characters": fmean(chars) if chars else 0.0,
    }


def render(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the table: a line for each scope and category."""
    lines: list[tuple[str, ...]] = [("run", "scope", "category", "n", *NAMES, "AUC", "p50 ms", "p95 ms")]
    for name, result in results:
        for category, values in result["quality"].items():
            whole = not category
            lines.append(
                (
                    name if whole else "",
                    result["scope"] if whole else "",
                    category or "all",
                    str(result["counts"][category]),
                    *(f"{value:.3f}" for value in values),
                    f"{result['auc']:.3f}" if whole else "",
                    f"{result['p50']:.1f}" if whole else "",
                    f"{result['p95']:.1f}" if whole else "",
                )
            )
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 3 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
