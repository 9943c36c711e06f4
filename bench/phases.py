"""Where the time of a turn goes: the calls that it makes, each with its milliseconds."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Phases:
    """Collects the time spent in methods that are wrapped for as long as it is active."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}
        self._current: dict[str, float] = {}

    @contextmanager
    def watch(self, *methods: tuple[str, Any, str]) -> Iterator[None]:
        """Wrap coroutine methods, each given as label, object or class, and attribute."""
        kept = [(owner, name, owner.__dict__.get(name)) for _, owner, name in methods]
        for label, owner, name in methods:
            setattr(owner, name, self._timed(label, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, original in kept:
                if original is None:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)

    def _timed(self, label: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(method)
        async def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return await method(*args, **kwargs)
            finally:
                self._current[label] = self._current.get(label, 0.0) + (time.perf_counter() - started) * 1000

        return timed

    def next(self, *, count: bool) -> None:
        """End one round; it is kept when it counts."""
        if count:
            for label, taken in self._current.items():
                self._taken.setdefault(label, []).append(taken)
        self._current = {}

    def medians(self) -> dict[str, float]:
        """Return the median of each phase, in the order of first appearance."""
        return {label: statistics.median(taken) for label, taken in self._taken.items()}
