"""Connections that fail at a chosen statement: with an error, or with the death of the process."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Fault:
    """Counts the statements of every connection opened meanwhile.

    Args:
        at: Which statement fails; 0 for none.
        error: What it fails with; None ends the process.
        before: Called before every statement.
    """

    def __init__(self, at: int, error: str | None, *, before: Callable[[], None] = lambda: None) -> None:
        self.at = at
        self.error = error
        self.before = before
        self.count = 0
        self.armed = False

    def tick(self) -> None:
        """Count one statement."""
        if not self.armed:
            return
        self.count += 1
        self.before()
        if self.count == self.at:
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            raise sqlite3.OperationalError(self.error)


@contextmanager
def faulty(fault: Fault) -> Iterator[Fault]:
    """Let connections opened meanwhile fail."""

    class Cursor(sqlite3.Cursor):
        def execute(self, *arguments: Any) -> Any:
            fault.tick()
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            fault.tick()
            return super().executemany(*arguments)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any, **__: Any) -> Any:
            return super().cursor(Cursor)

        def execute(self, *arguments: Any) -> Any:
            return self.cursor().execute(*arguments)

        def executemany(self, *arguments: Any) -> Any:
            return self.cursor().executemany(*arguments)

    def connecting(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["factory"] = Connection

    event.listen(Engine, "do_connect", connecting)
    try:
        yield fault
    finally:
        event.remove(Engine, "do_connect", connecting)
