"""Exact search over the stored vectors: always right, quick up to about a hundred thousand rows.

It reads what other processes stored since the last look, so it needs no ownership and no rebuilding.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from sqlalchemy import Connection

from lra.memory.index.matrix import Matrix, Nearest
from lra.store import vectors
from lra.store.database import Database
from lra.store.queue import Kind
from lra.store.vectors import VectorMarks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ExactIndex:
    """The vectors of one embedder, kept in memory and up to date.

    Args:
        database: The record they are stored in.
        fingerprint: Whose vectors.
    """

    def __init__(self, database: Database, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._database = database
        self._matrices: dict[Kind, Matrix] = {kind: Matrix() for kind in get_args(Kind)}
        self._marks: VectorMarks | None = None
        self._reading: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(len(matrix) for matrix in self._matrices.values())

    def reset(self) -> None:
        """Drop everything; it is read again when needed."""
        self._marks = None
        self._matrices = {kind: Matrix() for kind in get_args(Kind)}

    async def ready(self, patience: float) -> bool:
        """Read what was stored since the last time; False when that takes longer than these seconds, and goes on."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._database.query(self._refresh))
            # Raised to whoever still waits.
            self._reading.add_done_callback(lambda task: None if task.cancelled() else task.exception())
        reading = self._reading
        await asyncio.wait([reading], timeout=patience)
        if reading.done():
            reading.result()
        return reading.done()

    def close(self) -> None:
        """Give up what is being read."""
        if self._reading is not None:
            self._reading.cancel()
        self.reset()

    def _refresh(self, connection: Connection) -> None:
        known, latest = self._marks, vectors.marks(connection)
        changed = known is not None and known.changes < latest.changes
        if known is not None and changed and vectors.forgotten_since(connection, known.changes):
            known = None
        matrices = self._matrices if known else {kind: Matrix() for kind in get_args(Kind)}
        for kind, matrix in matrices.items():
            if known is None or not latest.same(known, kind):
                # A first load finds every row by its vector; later ones also by what changed.
                since = known or VectorMarks(0, latest.changes, latest.turns)
                matrix.put(vectors.news(connection, self.fingerprint, kind, since))
        self._matrices, self._marks = matrices, latest

    def nearest(self, vector: NDArray[np.float32], kind: Kind) -> Nearest:
        """Compare a vector with all rows read before; takes a while, so not on the event loop."""
        return self._matrices[kind].nearest(vector)

    def cosines(self, vector: NDArray[np.float32], kind: Kind, seqs: Sequence[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that had a vector at the last reading."""
        return self._matrices[kind].cosines(vector, seqs)
