"""A small event loop: descriptors, timers, nothing else."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from collections.abc import Callable
from typing import Any

Act = Callable[[], object]


class Timer:
    """Something that happens later, unless it is cancelled."""

    def __init__(self, function: Callable[[], None]) -> None:
        self.function: Callable[[], None] | None = function

    def cancel(self) -> None:
        """It will not happen."""
        self.function = None


class Loop:
    """Calls functions when descriptors can be read or written, or when it is time."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()

    def watch(
        self, fd: Any, *, read: Callable[[], object] | None = None, write: Callable[[], object] | None = None
    ) -> None:
        """Say what is called for a descriptor; with nothing to call it is not looked at.

        Args:
            fd: Descriptor or socket.
            read: Called when it can be read.
            write: Called when it can be written.
        """
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        try:
            known = self._selector.get_key(fd)
        except (KeyError, ValueError):
            if events:
                self._selector.register(fd, events, (read, write))
            return
        if events:
            self._selector.modify(known.fileobj, events, (read, write))
        else:
            self._selector.unregister(known.fileobj)

    def _is_current(self, key: selectors.SelectorKey) -> bool:
        known = self._selector.get_map().get(key.fd)
        return known is not None and known.data is key.data

    def later(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call a function after some time.

        Args:
            seconds: How long to wait.
            function: What to call.
        """
        timer = Timer(function)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def turn(self) -> None:
        """Wait for the next thing, and do all that is due."""
        while self._timers and self._timers[0][2].function is None:
            heapq.heappop(self._timers)
        wait = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        for key, events in self._selector.select(wait):
            # What was called before may have closed this one, and its number may be another's by now.
            if self._is_current(key) and events & selectors.EVENT_READ and (read := key.data[0]) is not None:
                read()
            if self._is_current(key) and events & selectors.EVENT_WRITE and (write := key.data[1]) is not None:
                write()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.function is not None:
                timer.function()
