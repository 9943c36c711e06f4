"""What goes over the line between the program and SQLite, statement by statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock


@dataclass(frozen=True, slots=True)
class Statement:
    """One call of the driver."""

    sql: str
    parameters: Any = ()
    many: bool = False


class Recording:
    """Every statement of every connection opened while it is active, in order."""

    def __init__(self) -> None:
        self.statements: list[Statement] = []

    def take(self) -> list[Statement]:
        """Return the statements since the last time."""
        taken, self.statements = self.statements, []
        return taken

    @contextmanager
    def active(self) -> Iterator[None]:
        """Record the connections that are opened inside, for as long as they live."""
        connect = sqlite3.connect
        recording = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, parameters: Any = (), /) -> Any:
                recording.statements.append(Statement(sql, parameters))
                return super().execute(sql, parameters)

            def executemany(self, sql: str, parameters: Iterable[Any], /) -> Any:
                rows = list(parameters)
                recording.statements.append(Statement(sql, rows, many=True))
                return super().executemany(sql, rows)

        class Connection(sqlite3.Connection):
            def cursor(self, factory: Any = Cursor) -> Any:
                return super().cursor(factory)

            def execute(self, sql: str, parameters: Any = (), /) -> Any:
                return self.cursor().execute(sql, parameters)

            def executemany(self, sql: str, parameters: Any, /) -> Any:
                return self.cursor().executemany(sql, parameters)

            def commit(self) -> None:
                if self.in_transaction:
                    recording.statements.append(Statement("COMMIT"))
                super().commit()

        def recorded(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            options: dict[str, Any] = {**kwargs, "factory": Connection}
            opened: sqlite3.Connection = connect(*args, **options)
            return opened

        with mock.patch("sqlite3.connect", recorded), mock.patch("sqlite3.dbapi2.connect", recorded):
            yield
