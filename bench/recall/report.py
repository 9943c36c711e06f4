"""The figures of one run, as one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Injected:
    """What recall put in front of the model, over some questions."""

    right: int = 0
    wrong: int = 0
    """Rows that are no evidence; for a question that has no answer, every row."""
    helped: list[bool] = field(default_factory=list)
    """Whether a question got any evidence."""
    spoke: list[bool] = field(default_factory=list)
    chars: list[int] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one question."""
        question = answer.question
        gold = question.gold if question.answerable else frozenset()
        good = sum(hit.id in gold for hit in answer.injected)
        self.spoke.append(bool(answer.injected))
        self.chars.append(sum(len(hit.content) for hit in answer.injected))
        if gold:
            self.helped.append(good > 0)
        if gold or not question.answerable:
            self.right += good
            self.wrong += len(answer.injected) - good

    def to_dict(self) -> dict[str, float]:
        """Return the figures."""
        return {
            "precision": self.right / (self.right + self.wrong) if self.right + self.wrong else math.nan,
            "helped": fmean(self.helped) if self.helped else math.nan,
            "spoke": fmean(self.spoke) if self.spoke else math.nan,
            "chars": fmean(self.chars) if self.chars else math.nan,
        }


def measure_recall(asked: Sequence[tuple[Collection, list[Answer]]]) -> dict[str, Any]:
    """Return how right and how quiet recall is, beside the figures of a scope."""
    injected: dict[str, Injected] = {}
    for _, answers in asked:
        for answer in answers:
            answer.found["recall"] = answer.injected
            for name in filter(None, ("all", answer.question.category)):
                injected.setdefault(name, Injected()).add(answer)
    figures = {"" if name == "all" else name: found.to_dict() for name, found in injected.items()}
    return {**measure(asked, "recall"), "injected": figures}


def render(results: Sequence[tuple[str, dict[str, Any]]]) -> str:
    """Return the table: a line for each scope and category."""
    added = ("precision", "helped", "spoke", "chars")
    lines: list[tuple[str, ...]] = [("run", "scope", "category", "n", *NAMES, "AUC", "p50 ms", "p95 ms", *added)]
    for name, result in results:
        for category, values in result["quality"].items():
            whole = not category
            injected = result.get("injected", {}).get(category, {})
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
                    *(f"{injected[key]:.{0 if key == 'chars' else 3}f}" if injected else "" for key in added),
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
