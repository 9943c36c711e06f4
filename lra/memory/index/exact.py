"""Exact search over the stored vectors: always right, quick up to about a hundred thousand rows.

It reads what other processes stored since the last look, so it needs no ownership and no rebuilding.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, get_args

from lra.memory.index.matrix import Matrix
from lra.store.queue import Kind
from lra.store.vectors import VectorMarks, VectorStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_INLINE = 2000
"""Rows that are multiplied faster than a thread is asked."""


class ExactIndex:
    """The vectors of one embedder, kept in memory and up to date.

    Args:
        vectors: Where they are stored.
        fingerprint: Whose vectors.
    """

    def __init__(self, vectors: VectorStore, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._vectors = vectors
        self._matrices: dict[Kind, Matrix] = {}
        self._marks: dict[Kind, VectorMarks] = {}
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Matrix]] = set()

    def __len__(self) -> int:
        return sum(len(matrix) for matrix in self._matrices.values())

    def reset(self) -> None:
        """Drop everything; it is read again when needed."""
        self._matrices.clear()
        self._marks.clear()

    async def refresh(self, kind: Kind) -> Matrix:
        """Read what was stored since the last time; who cannot wait for it finds it read the next time."""
        return await asyncio.shield(self._start(kind))

    async def ready(self, patience: float) -> bool:
        """Read what was stored since the last time; False when that takes longer than these seconds, and goes on."""
        reading = [self._start(kind) for kind in get_args(Kind)]
        await asyncio.wait(reading, timeout=patience)
        return all(task.done() for task in reading)

    def _start(self, kind: Kind) -> asyncio.Task[Matrix]:
        task = asyncio.create_task(self._refresh(kind))
        self._tasks.add(task)
        task.add_done_callback(self._read)
        return task

    def _read(self, task: asyncio.Task[Matrix]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Raised to whoever still waits.
            task.exception()

    def close(self) -> None:
        """Give up what is being read."""
        for task in self._tasks:
            task.cancel()
        self.reset()

    async def _refresh(self, kind: Kind) -> Matrix:
        async with self._lock:
            latest = await self._vectors.marks()
            known = self._marks.get(kind)
            changed = known is not None and known.changes < latest.changes
            if known is not None and changed and await self._vectors.forgotten_since(known.changes):
                self.reset()
                known = None
            if known is None or not latest.same(known, kind):
                # A first load finds every row by its vector; later ones also by what changed.
                since = known or VectorMarks(0, latest.changes, latest.turns)
                rows = await self._vectors.news(self.fingerprint, kind, since)
                await asyncio.to_thread(self._matrices.setdefault(kind, Matrix()).put, rows)
            self._marks[kind] = latest
            return self._matrices.setdefault(kind, Matrix())

    async def nearest(self, vector: NDArray[np.float32], kind: Kind, count: int) -> list[tuple[int, float]]:
        """Return rows `(seq, cosine)` of those read before, best first."""
        matrix = self._matrices[kind] if kind in self._marks else await self.refresh(kind)
        if len(matrix) <= _INLINE:
            return matrix.nearest(vector, count)
        return await asyncio.to_thread(matrix.nearest, vector, count)

    async def cosines(self, vector: NDArray[np.float32], kind: Kind, seqs: list[int]) -> dict[int, float]:
        """Return the cosine of each of these rows that had a vector when `nearest` looked."""
        return self._matrices.setdefault(kind, Matrix()).cosines(vector, seqs)
