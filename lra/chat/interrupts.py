"""Ctrl-C and the signals that ask to leave, routed to whatever is going on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


class Interrupts:
    """Owns SIGINT, SIGTERM and SIGHUP while a front runs.

    Args:
        on_terminate: Called when the process is asked to end.
    """

    def __init__(self, on_terminate: Callable[[], None]) -> None:
        self._actions: list[Callable[[], object]] = []
        self._on_terminate = on_terminate

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Receive the signals for as long as the block runs."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self.fire)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_terminate)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)

    @contextlib.contextmanager
    def to(self, action: Callable[[], object]) -> Iterator[None]:
        """Send Ctrl-C to `action` while the block runs."""
        self._actions.append(action)
        try:
            yield
        finally:
            self._actions.pop()

    def fire(self) -> None:
        """Do what Ctrl-C does now; without anything going on, nothing."""
        if self._actions:
            self._actions[-1]()
