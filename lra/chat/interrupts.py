"""Ctrl-C and the signals that ask to leave, routed to whatever is going on."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@contextlib.contextmanager
def handled(number: signal.Signals, action: Callable[[], object]) -> Iterator[None]:
    """Run `action` on the event loop when a signal arrives, for as long as the block runs."""
    loop = asyncio.get_running_loop()
    try:
        loop.add_signal_handler(number, action)
    except NotImplementedError:
        # Loops on Windows know no signals; Python's own handler runs between two of their steps.
        before = signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(action))
        try:
            yield
        finally:
            signal.signal(number, before)
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(number)


@dataclass(frozen=True, eq=False, slots=True)
class _Entry:
    action: Callable[[], object]


class Interrupts:
    """Owns SIGINT and the signals that ask to leave while a front runs.

    Args:
        on_terminate: Called when the process is asked to end.
    """

    def __init__(self, on_terminate: Callable[[], None]) -> None:
        self._entries: list[_Entry] = []
        self._on_terminate = on_terminate

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Receive the signals for as long as the block runs."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(handled(signal.SIGINT, self.fire))
            stack.enter_context(handled(signal.SIGTERM, self._on_terminate))
            for name in ("SIGHUP", "SIGQUIT"):
                if number := getattr(signal, name, None):
                    stack.enter_context(handled(number, self._on_terminate))
            yield

    @contextlib.contextmanager
    def to(self, action: Callable[[], object]) -> Iterator[None]:
        """Send Ctrl-C to `action` while the block runs."""
        entry = _Entry(action)
        self._entries.append(entry)
        try:
            yield
        finally:
            # Not always the last one: an editor may be open beside a turn that ends.
            self._entries.remove(entry)

    def fire(self) -> None:
        """Do what Ctrl-C does now; without anything going on, nothing."""
        if self._entries:
            self._entries[-1].action()
