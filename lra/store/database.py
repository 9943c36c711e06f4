"""The connection to the record: one SQLite file, several processes, nothing lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from lra.errors import ConfigError, LraError, StoreError
from lra.store.failures import translated
from lra.store.migrate import migrate

T = TypeVar("T")

BUSY_SECONDS = 10.0
"""How long a statement waits for another process before it gives up."""


class Database:
    """Reads, writes and stream writes on one database file.

    Writes are serialised within the process, start with `BEGIN IMMEDIATE` and are shielded from cancellation: once
    begun, a write is committed or rolled back as a whole.

    Args:
        url: `sqlite+aiosqlite:///` followed by the file's path.
        busy_seconds: How long to wait for another process's lock.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        scheme, _, path = url.partition(":///")
        if scheme != "sqlite+aiosqlite" or not path:
            raise ConfigError(f"The database URL {scheme}://… is not supported.", hint="Use sqlite+aiosqlite:///FILE.")
        self.path = Path(path)
        self._url = url
        self._busy_ms = int(busy_seconds * 1000)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engines: list[AsyncEngine] = []
        self._write_lock = asyncio.Lock()

    async def open(self) -> None:
        """Create or migrate the file when needed; quick when there is nothing to do.

        Raises:
            LraError: The file is corrupt, read-only, locked, newer than the program, or cannot be created.
        """
        if self._loop is asyncio.get_running_loop():
            return
        await asyncio.to_thread(self._create_file)
        # Engines belong to an event loop: a store used from a second `asyncio.run` gets new ones.
        self._write_lock = asyncio.Lock()
        self._engines = [
            self._engine("FULL", readonly=False),
            self._engine("NORMAL", readonly=False),
            self._engine("FULL", readonly=True),
        ]
        with translated(self.path):
            await migrate(self._engines[0], self.path)
        self._loop = asyncio.get_running_loop()

    def _create_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its -wal and -shm files the same permissions as the database.
            os.close(os.open(self.path, os.O_CREAT | os.O_RDONLY, 0o600))
        except OSError as error:
            raise StoreError(
                f"The database {self.path} cannot be opened: {error.strerror}.",
                hint="Check LRA_HOME or DATABASE_URL, and the folder's permissions.",
            ) from error

    def _engine(self, synchronous: str, *, readonly: bool) -> AsyncEngine:
        engine = create_async_engine(
            self._url,
            isolation_level="AUTOCOMMIT" if readonly else None,
            pool_size=4 if readonly else 1,
            max_overflow=4 if readonly else 0,
            # Transactions end in `begin()`; a rollback on return would be a thread hop for nothing.
            pool_reset_on_return=None,
            connect_args={"timeout": self._busy_ms / 1000, "isolation_level": None},
        )

        @event.listens_for(engine.sync_engine, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout = {self._busy_ms}")
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute(f"PRAGMA synchronous = {synchronous}")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA temp_store = MEMORY")
            cursor.execute("PRAGMA secure_delete = ON")
            if readonly:
                cursor.execute("PRAGMA cache_size = -32000")
            cursor.close()

        if not readonly:

            @event.listens_for(engine.sync_engine, "begin")
            def _begin(connection: Any) -> None:
                # An upgrade from a read to a write lock could not wait and would fail with "locked".
                connection.exec_driver_sql("BEGIN IMMEDIATE")

        return engine

    async def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in one durable transaction; it survives the cancellation of its caller.

        Args:
            work: Called with the connection; its statements commit together or not at all.

        Returns:
            What `work` returns.

        Raises:
            LraError: The database is locked, full, read-only or corrupt.
        """
        return await self._transaction(0, work)

    async def write_stream(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work` in a transaction that survives the death of the process, though not of the machine.

        It skips the disk flush, for text that arrives many times a second and is journalled in full soon after.
        """
        return await self._transaction(1, work)

    async def _transaction(self, engine: int, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        await self.open()

        async def run() -> T:
            async with self._write_lock:
                with translated(self.path):
                    async with self._engines[engine].begin() as connection:
                        return await work(connection)

        return await shielded(run())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading; each statement sees the latest commit."""
        await self.open()
        with translated(self.path):
            async with self._engines[2].connect() as connection:
                yield connection

    async def backup(self, target: Path) -> None:
        """Write a consistent copy of the whole database to `target`."""
        async with self.read() as connection:
            await connection.exec_driver_sql("VACUUM INTO ?", (str(target),))
        await asyncio.to_thread(os.chmod, target, 0o600)

    async def close(self) -> None:
        """Release every connection; the object may be opened again."""
        engines, self._engines, self._loop = self._engines, [], None
        for engine in engines:
            await engine.dispose()

    async def check(self) -> str | None:
        """Return None when SQLite finds the file sound, else its first complaint."""
        try:
            async with self.read() as connection:
                result = (await connection.exec_driver_sql("PRAGMA quick_check(1)")).scalar_one()
        except LraError as error:
            return str(error)
        return None if result == "ok" else str(result)


async def shielded(coroutine: Awaitable[T]) -> T:
    """Await to the end even when the caller is cancelled, then let the cancellation through."""
    task = asyncio.ensure_future(coroutine)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        if not task.cancelled():
            task.exception()
        raise
