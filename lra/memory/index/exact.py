"""Search over the stored vectors themselves: by every process, whoever keeps Chroma.

It reads what other processes stored since the last look, so it needs no ownership. Large records are looked through in
a file of short vectors, which is made beside the search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from sqlalchemy import Connection

from lra.memory.index.filing import Drift
from lra.memory.index.matrix import Nearest
from lra.memory.index.shelf import FILE_FROM, Shelf
from lra.store import vectors
from lra.store.database import Database
from lra.store.queue import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WAIT_SECONDS = 20.0
"""How long what must not be put off waits for another process that writes the files."""
_FOREVER = 10**9


def folder_of(database: Path) -> Path:
    """Return where the files of a record lie."""
    return database.with_name(database.name + ".index")


class ExactIndex:
    """The vectors of one embedder, up to date.

    Args:
        database: The record they are stored in.
        fingerprint: Whose vectors.
        file_from: Rows from which they are looked through in a file instead of in memory.
    """

    def __init__(self, database: Database, fingerprint: str, *, file_from: int = FILE_FROM) -> None:
        self.fingerprint = fingerprint
        self._database = database
        folder = folder_of(database.path)
        self.shelves: dict[Kind, Shelf] = {
            kind: Shelf(folder / f"{kind}-{fingerprint}.vectors", kind, fingerprint, file_from=file_from)
            for kind in get_args(Kind)
        }
        self._reading: asyncio.Task[bool] | None = None
        self._building: asyncio.Task[bool] | None = None

    def __bool__(self) -> bool:
        return any(self.shelves.values())

    @property
    def trouble(self) -> str:
        """Why a file is not what it should be."""
        return next((shelf.trouble for shelf in self.shelves.values() if shelf.trouble), "")

    @property
    def progress(self) -> tuple[int, int] | None:
        """How many rows the making of the files has looked at, and of how many; None while nothing is made."""
        return next((shelf.progress for shelf in self.shelves.values() if shelf.progress), None)

    def reset(self) -> None:
        """Drop what is in memory; it is read again when needed."""
        for shelf in self.shelves.values():
            shelf.reset()

    async def ready(self, patience: float) -> bool:
        """Read what was stored since the last time; False when that takes longer than these seconds, and goes on.

        What a file lacks is written to it in the background.
        """
        if self._reading is None or self._reading.done():
            self._reading = self._task(self._refresh)
        reading = self._reading
        await asyncio.wait([reading], timeout=patience)
        if not reading.done():
            # What was read before can answer.
            return bool(self)
        if reading.result() and not self.building:
            self._building = self._task(self._build)
        return True

    @property
    def building(self) -> bool:
        """Whether files are being made or mended."""
        return self._building is not None and not self._building.done()

    def _task(self, work: Callable[[Connection], bool]) -> asyncio.Task[bool]:
        task = asyncio.create_task(self._database.query(work))
        # Raised to whoever still waits.
        task.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        return task

    def _refresh(self, connection: Connection) -> bool:
        return bool(self._behind(connection))

    def _behind(self, connection: Connection) -> list[Shelf]:
        """Read what is new; returns those whose files have to be made or mended."""
        latest = vectors.marks(connection)
        return [shelf for shelf in self.shelves.values() if shelf.refresh(connection, latest)]

    def _build(self, connection: Connection) -> bool:
        built = [shelf.build(connection) for shelf in self._behind(connection)]
        self._behind(connection)
        return all(built)

    async def settle(self) -> bool:
        """Bring the files up to date and wait for it; False when they are not."""
        await self.ready(_FOREVER)
        return await asyncio.shield(self._building) if self._building is not None else True

    async def rebuild(self) -> bool:
        """Make the files anew from the record; the old ones answer until they are replaced."""

        def work(connection: Connection) -> bool:
            self._behind(connection)
            filed = [shelf for shelf in self.shelves.values() if shelf.filed]
            built = [shelf.build(connection, anew=True, patience=WAIT_SECONDS) for shelf in filed]
            self._behind(connection)
            return all(built)

        return await self._database.query(work)

    async def drift(self) -> dict[Kind, Drift]:
        """Return how each file differs from the record."""

        def work(connection: Connection) -> dict[Kind, Drift]:
            return {kind: shelf.drift(connection) for kind, shelf in self.shelves.items() if shelf.file.open()}

        return await self._database.query(work)

    def close(self) -> None:
        """Give up what is being read or made."""
        for shelf in self.shelves.values():
            shelf.stop()
        for task in (self._reading, self._building):
            if task is not None:
                task.cancel()
        self.reset()

    def nearest(self, vector: NDArray[np.float32], kind: Kind) -> Nearest:
        """Compare a vector with all rows read before; takes a while, so not on the event loop."""
        return self.shelves[kind].nearest(vector)

    def cosines(self, vector: NDArray[np.float32], kind: Kind, seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that had a vector at the last reading."""
        return self.shelves[kind].cosines(vector, seqs)


def has_files(database: Path) -> bool:
    """Return whether there are vector files of a record; blocks."""
    return any(folder_of(database).glob("*.vectors"))


async def purge(database: Database) -> int:
    """Take out of a record's files, whosever vectors, what it no longer holds; returns how many such rows are left."""

    def work(connection: Connection) -> int:
        left = 0
        for path in sorted(folder_of(database.path).glob("*.vectors*")):
            kind, _, fingerprint = path.name.partition(".vectors")[0].partition("-")
            if path.suffix == ".vectors" and kind in get_args(Kind):
                left += Shelf(path, cast(Kind, kind), fingerprint).purge(connection, patience=WAIT_SECONDS)
        return left

    return await database.query(work)
