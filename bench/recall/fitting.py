"""Fitting the weights of the signals anew, each collection judged by weights from all the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recall.asking import Answer
from bench.recall.datasets import Collection
from bench.recall.report import gold_of, measure
from lra.memory import Hit

SIGNALS: tuple[str, ...] = (
    "coverage",
    "neighbours",
    "session",
    "session_coverage",
    "passage",
    "answers",
    "proximity",
    "time",
    "asks",
    "another",
    "cosine",
    "neighbours_cosine",
    "session_cosine",
)
_STEPS = 300
_RATE = 0.05
_PENALTY = 1e-3

Matrix = NDArray[np.float32]


def _signals(hit: Hit) -> list[float]:
    signals = {**hit.signals, "another": float(hit.signals.get("speaker") == 0.0)}
    return [signals.get(name, 0.0) for name in SIGNALS]


def _train(items: Sequence[tuple[Matrix, list[int]]], start: NDArray[np.float64] | None, steps: int) -> Any:
    """Return weights under which what answers a question is likely to come first (a listwise softmax)."""
    most = max(len(rows) for rows, _ in items)
    values = np.zeros((len(items), most, len(SIGNALS)), dtype=np.float32)
    absent = np.full((len(items), most), -1e9, dtype=np.float32)
    wanted = np.zeros((len(items), most), dtype=np.float32)
    for number, (rows, gold) in enumerate(items):
        values[number, : len(rows)] = rows
        absent[number, : len(rows)] = 0
        wanted[number, gold] = 1 / len(gold)
    weights = np.zeros(len(SIGNALS)) if start is None else start.copy()
    mean, square = np.zeros(len(SIGNALS)), np.zeros(len(SIGNALS))
    for step in range(1, steps + 1):
        scores = values @ weights.astype(np.float32) + absent
        chance = np.exp(scores - scores.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        slope = np.einsum("qn,qnd->d", chance - wanted, values) / len(items) + _PENALTY * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return weights


def fit(asked: Sequence[tuple[Collection, list[Answer]]], scope: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the figures with weights fitted on the other collections, and those weights.

    Only the order of the hits that were found is changed, so what was not among them stays unfound.

    Args:
        asked: The answers, with more hits than are judged.
        scope: Where they were looked for.
    """
    items: list[list[tuple[Matrix, list[int]]]] = []
    for collection, answers in asked:
        own = []
        for answer in answers:
            hits = answer.found[scope]
            gold = gold_of(collection, answer, scope)
            places = [place for place, hit in enumerate(hits) if hit.id in gold]
            if places:
                own.append((np.array([_signals(hit) for hit in hits], dtype=np.float32), places))
        items.append(own)
    start = _train([item for own in items for item in own], None, _STEPS)
    folds = [
        _train([item for place, own in enumerate(items) if place != left for item in own], start, _STEPS // 3)
        for left in range(len(items))
    ]
    weights_of = {id(answer): folds[place] for place, (_, answers) in enumerate(asked) for answer in answers}

    def rank(answer: Answer, where: str) -> tuple[list[str], float]:
        hits = answer.found[where]
        weights = weights_of[id(answer)]
        ordered = sorted(hits, key=lambda hit: -float(np.dot(_signals(hit), weights)))
        return [hit.id for hit in ordered], hits[0].score if hits else 0.0

    spread = np.std(folds, axis=0)
    means = np.mean(folds, axis=0)
    shown = {name: f"{mean:.2f}±{deviation:.2f}" for name, mean, deviation in zip(SIGNALS, means, spread, strict=True)}
    return measure(asked, scope, rank=rank), shown
