"""The connection to the record: one SQLite file, several processes, nothing lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, create_engine, event, make_url

from lra.errors import ConfigError, LraError, StoreError
from lra.store.failures import translated
from lra.store.lexicon import TEMPORARY
from lra.store.migrate import migrate
from lra.store.room import FULL, full_disk
from lra.store.sqlite import raw
from lra.store.whole_file import create_private

T = TypeVar("T")

Work = Callable[[Connection], T]
"""Statements that belong together, run in one go in a thread; what `AsyncConnection.run_sync` takes."""

BUSY_SECONDS = 10.0
"""How long a statement waits for another process before it gives up."""
_READERS = 3
"""Threads that read at the same time."""


class Database:
    """Reads, writes and stream writes on one database file.

    Writes are serialised within the process, start with `BEGIN IMMEDIATE` and are shielded from cancellation: once
    begun, a write is committed or rolled back as a whole. What belongs together runs in one go in a thread, since
    going there and back takes longer than most statements.

    Args:
        url: `sqlite+aiosqlite:///` followed by the file's path.
        busy_seconds: How long to wait for another process's lock.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        scheme, _, path = url.partition(":///")
        if scheme != "sqlite+aiosqlite" or not path:
            # The rest of a server's URL may hold a password.
            scheme = url.partition(":")[0]
            raise ConfigError(f"The database URL {scheme}://… is not supported.", hint="Use sqlite+aiosqlite:///FILE.")
        self.path = Path(path)
        self._url = url
        self._busy_ms = int(busy_seconds * 1000)
        self._threads: _Threads | None = None
        self.on_open: Callable[[], Awaitable[None]] | None = None
        """Called when the file has been opened, before anything else is done with it."""

    async def open(self) -> None:
        """Create or migrate the file when needed; quick when there is nothing to do.

        Raises:
            LraError: The file is corrupt, read-only, locked, newer than the program, or cannot be created.
        """
        if self._threads is not None and self._threads.ready:
            return
        await asyncio.to_thread(self._create_file)
        if self._threads is None:
            self._threads = _Threads(self._url, self._busy_ms)
        threads = self._threads
        await self._in(threads.writer, lambda: migrate(threads.writing(True), self.path))
        threads.ready = True
        if self.on_open is not None:
            await self.on_open()

    def _create_file(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private(self.path)
        except OSError as error:
            if error.errno in FULL:
                raise full_disk(self.path) from error
            raise StoreError(
                f"The database {self.path} cannot be opened: {error.strerror}.",
                hint="Check LRA_HOME or DATABASE_URL, and the folder's permissions.",
            ) from error

    async def write(self, work: Work[T]) -> T:
        """Run `work` in one durable transaction; it survives the cancellation of its caller.

        Args:
            work: Called in a thread with the connection; its statements commit together or not at all.

        Returns:
            What `work` returns.

        Raises:
            LraError: The database is locked, full, read-only or corrupt.
        """
        return await shielded(self._transaction(work, durable=True))

    async def write_stream(self, work: Work[T]) -> T:
        """Run `work` in a transaction that survives the death of the process, though not of the machine.

        It skips the disk flush, for text that arrives many times a second and is journalled in full soon after.
        """
        return await shielded(self._transaction(work, durable=False))

    async def _transaction(self, work: Work[T], *, durable: bool) -> T:
        threads = await self._opened()

        def run() -> T:
            with threads.writing(durable).begin() as connection:
                return work(connection)

        return await self._in(threads.writer, run)

    async def query(self, work: Work[T]) -> T:
        """Read with several statements in one go; each sees the latest commit.

        Args:
            work: Called in a thread with the connection; it returns no open result.

        Returns:
            What `work` returns.

        Raises:
            LraError: The database is locked or corrupt.
        """
        threads = await self._opened()

        def run() -> T:
            with threads.reading.connect() as connection:
                return work(connection)

        return await self._in(threads.readers, run)

    async def rows(self, statement: Executable | str, parameters: Any = None) -> Sequence[Any]:
        """Read with one statement and return all its rows.

        Args:
            statement: An SQLAlchemy query, or SQL as the driver takes it.
            parameters: Its parameters.
        """

        def work(connection: Connection) -> Sequence[Any]:
            if isinstance(statement, str):
                return connection.exec_driver_sql(statement, parameters).all()
            return connection.execute(statement, parameters).all()

        return await self.query(work)

    async def _opened(self) -> _Threads:
        await self.open()
        assert self._threads is not None
        return self._threads

    async def _in(self, executor: Executor, run: Callable[[], T]) -> T:
        def clear() -> T:
            # There, since what can be done about a corrupt file is looked for beside it.
            with translated(self.path):
                return run()

        return await asyncio.get_running_loop().run_in_executor(executor, clear)

    async def backup(self, target: Path) -> None:
        """Write a consistent copy of the whole database to `target`."""

        def work(connection: Connection) -> None:
            connection.exec_driver_sql("VACUUM INTO ?", (str(target),))

        await self.query(work)
        await asyncio.to_thread(os.chmod, target, 0o600)

    async def close(self) -> None:
        """Release every connection; the object may be opened again."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.close)

    async def check(self) -> str | None:
        """Return None when SQLite finds the file sound, else its first complaint."""
        try:
            (row,) = await self.rows("PRAGMA quick_check(1)")
        except LraError as error:
            return str(error)
        return None if row[0] == "ok" else str(row[0])


class _Threads:
    """The connections that work runs on in one go, with the threads that run it."""

    def __init__(self, url: str, busy_ms: int) -> None:
        # One thread, so that writes of this process wait in order of arrival and not for SQLite's lock.
        self.writer = ThreadPoolExecutor(1, "lra-write")
        self.readers = ThreadPoolExecutor(_READERS, "lra-read")
        # One connection for durable and for quick writes: two would empty each other's page cache.
        self._writer = _engine(url, busy_ms, readonly=False)
        self._durable = True
        self.reading = _engine(url, busy_ms, readonly=True)
        self.ready = False
        """Whether the file has the tables that this program knows."""

    def writing(self, durable: bool) -> Engine:
        """Return the engine that writes, with or without a flush of the disk; call it in the writer's thread."""
        if durable != self._durable:
            with self._writer.connect() as connection:
                raw(connection).execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        return self._writer

    def close(self) -> None:
        """Finish what runs and close the connections; blocks."""
        for executor in (self.readers, self.writer):
            executor.shutdown()
        for engine in (self.reading, self._writer):
            engine.dispose()


def _engine(url: str, busy_ms: int, *, readonly: bool) -> Engine:
    engine = create_engine(
        make_url(url).set(drivername="sqlite"),
        isolation_level="AUTOCOMMIT" if readonly else None,
        pool_size=_READERS if readonly else 1,
        max_overflow=0,
        # Transactions end in `begin()`.
        pool_reset_on_return=None,
        connect_args={"timeout": busy_ms / 1000, "isolation_level": None, "check_same_thread": False},
    )
    _prepare(engine, busy_ms, readonly=readonly)
    return engine


def _prepare(engine: Engine, busy_ms: int, *, readonly: bool) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {busy_ms}")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("PRAGMA secure_delete = ON")
        if readonly:
            cursor.execute("PRAGMA cache_size = -32000")
            for statement in TEMPORARY:
                cursor.execute(statement)
        cursor.close()

    if not readonly:

        @event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            # An upgrade from a read to a write lock could not wait and would fail with "locked".
            connection.exec_driver_sql("BEGIN IMMEDIATE")


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
