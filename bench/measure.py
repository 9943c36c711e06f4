"""Timing two things in turn, so that whatever else the machine does falls on both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one thing, in the order in which they were taken."""

    values: tuple[float, ...]
    cpu: tuple[float, ...]
    """Processor time of this process, all its threads together: what a busy machine does not change."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def median_cpu(self) -> float:
        return statistics.median(self.cpu)

    @property
    def p95(self) -> float:
        return quantile(self.values, 0.95)


def gap(ours: Sequence[float], reference: Sequence[float]) -> float:
    """The median of the differences within a round; medians of each side may come from different minutes."""
    return statistics.median(mine - its for mine, its in zip(ours, reference, strict=True))


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which that share lies, between neighbours by proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


async def in_turn(
    ours: Callable[[int], Awaitable[object]],
    reference: Callable[[int], Awaitable[object]],
    *,
    rounds: int,
    warmup: int,
    before: Callable[[int], Awaitable[object]] | None = None,
) -> tuple[Times, Times]:
    """Run both once a round, changing who goes first.

    Args:
        ours: What is measured; called with the number of the round.
        reference: What it is measured against.
        rounds: How many rounds count.
        warmup: Rounds before that.
        before: Called ahead of each round; it takes no time.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    for number in range(warmup + rounds):
        if before is not None:
            await before(number)
        pair = [(0, ours), (1, reference)]
        if number % 2:
            pair.reverse()
        for which, run in pair:
            worked, started = time.process_time(), time.perf_counter()
            await run(number)
            ended, done = time.perf_counter(), time.process_time()
            if number >= warmup:
                taken[which].append((ended - started) * 1000)
                cpu[which].append((done - worked) * 1000)
    return Times(tuple(taken[0]), tuple(cpu[0])), Times(tuple(taken[1]), tuple(cpu[1]))
