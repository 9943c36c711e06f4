"""Running database work in one go in a thread, so that a transaction costs one change of threads and not four a line.

Work is written against SQLAlchemy's asynchronous connection; here it gets one that never has to wait.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

Work = Callable[[AsyncConnection], Awaitable[T]]
"""Statements that belong together; it awaits nothing but its connection."""


class _InThread:
    """The part of `AsyncConnection` that work uses, over a connection of the running thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        return self._connection.execute(statement, parameters)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> Any:
        return self._connection.exec_driver_sql(statement, parameters)


def complete(connection: Connection, work: Work[T]) -> T:
    """Run work to its end in this thread.

    Args:
        connection: A connection that only this thread uses.
        work: What to run.

    Raises:
        RuntimeError: The work waits for something else than its connection.
    """
    steps = work(cast(AsyncConnection, _InThread(connection))).__await__()
    try:
        next(steps)
    except StopIteration as end:
        return cast(T, end.value)
    steps.close()
    raise RuntimeError("database work may await its connection alone")
