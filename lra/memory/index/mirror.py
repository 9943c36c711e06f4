"""Keeping the Chroma folder equal to the record: checked when opened, repaired or rebuilt when not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lra.memory.index.chroma import ChromaFolder, IllIndexError
from lra.store.queue import Kind, QueueItem
from lra.store.vectors import IndexedVector, IndexText, VectorStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KINDS: tuple[Kind, ...] = ("memory", "turn")
PAGE = 2000
SAMPLE = 20

logger = logging.getLogger("lra.memory")


class Mirror:
    """Chroma's copy of the stored vectors of one embedder; nothing here raises because Chroma is ill.

    Args:
        folder: The folder.
        vectors: The stored vectors.
        fingerprint: Whose vectors.
    """

    def __init__(self, folder: ChromaFolder, vectors: VectorStore, fingerprint: str) -> None:
        self._folder = folder
        self._vectors = vectors
        self._fingerprint = fingerprint
        self._lock = asyncio.Lock()
        self._note = ""
        self.ready = False
        """Whether it is equal to the record and may answer."""
        self.detail = "Chroma is not used: the stored vectors are searched directly."

    @property
    def fingerprint(self) -> str:
        """Whose vectors they are."""
        return self._fingerprint

    async def open(self) -> None:
        """Take the folder if it is free, and make its content equal to the record."""
        async with self._lock:
            try:
                if not await asyncio.to_thread(self._folder.acquire):
                    self.detail = "Another process keeps the Chroma folder."
                    return
            except OSError as error:
                self.detail = f"The Chroma folder cannot be used: {error.strerror}."
                return
            for _ in range(2):
                try:
                    await asyncio.to_thread(self._folder.open)
                    await self._sync()
                    self.ready, self.detail = True, f"Chroma in {self._folder.path}.{self._note}"
                    return
                except IllIndexError as error:
                    await self._put_aside(error)

    async def _put_aside(self, error: IllIndexError) -> None:
        self.ready = False
        try:
            moved: Path | None = await asyncio.to_thread(self._folder.move_aside)
        except OSError as failure:
            self.detail = f"The Chroma folder is ill and cannot be moved: {failure.strerror}."
            return
        self._note = f" What was there before was ill and is now {moved}." if moved else ""
        self.detail = f"The Chroma folder was ill ({error}); it is built anew.{self._note}"
        logger.warning("the Chroma folder was ill, moved to %s: %s", moved, error)

    async def _sync(self) -> None:
        """Compare every collection with the record; add and remove what differs."""
        wanted: set[str] = set()
        for kind in KINDS:
            for namespace, count in (await self._vectors.expected(self._fingerprint, kind)).items():
                name = self._folder.name(kind, namespace)
                wanted.add(name)
                if await asyncio.to_thread(self._folder.count, name) != count or not await self._sound(kind):
                    await self._repair(kind, name)
        for name in await asyncio.to_thread(self._folder.names):
            if name not in wanted:
                # Of a namespace that is empty now, or of an embedder that is no longer used.
                await asyncio.to_thread(self._folder.drop, name)

    async def _sound(self, kind: Kind) -> bool:
        """Ask for a few of the rows by their own vectors."""
        sample = await self._vectors.indexed(self._fingerprint, kind, after=0, limit=SAMPLE)
        found = 0
        for row in sample:
            near = await asyncio.to_thread(self._nearest, self._folder.name(kind, row.namespace), row)
            found += any(cosine > 0.999 for _, cosine in near)
        # Chroma's search is approximate: a miss now and then is no illness.
        return found >= 0.8 * len(sample)

    def _nearest(self, name: str, row: IndexedVector) -> list[tuple[int, float]]:
        import numpy as np

        return self._folder.nearest(name, np.frombuffer(row.vector, dtype="<f4"), 3)

    async def _repair(self, kind: Kind, name: str) -> None:
        there = await asyncio.to_thread(self._folder.ids, name)
        after = 0
        kept: set[str] = set()
        while page := await self._vectors.indexed(self._fingerprint, kind, after=after, limit=PAGE):
            mine = [row for row in page if self._folder.name(kind, row.namespace) == name]
            kept.update(row.id for row in mine)
            await asyncio.to_thread(self._folder.upsert, mine)
            after = page[-1].seq
        if gone := there - kept:
            await asyncio.to_thread(self._folder.delete, kind, sorted(gone))

    async def apply(self, items: Sequence[QueueItem], texts: Sequence[IndexText], stored: dict[str, bytes]) -> None:
        """Pass a batch of changes on."""
        if not self.ready:
            return
        rows = [
            IndexedVector(kind=text.kind, id=text.id, seq=text.seq, namespace=text.namespace, vector=stored[text.hash])
            for text in texts
            if text.hash in stored
        ]
        live = {(text.kind, text.id) for text in texts}
        async with self._lock:
            try:
                for kind in KINDS:
                    gone = [item.ref for item in items if item.kind == kind and (kind, item.ref) not in live]
                    if gone:
                        await asyncio.to_thread(self._folder.delete, kind, gone)
                await asyncio.to_thread(self._folder.upsert, rows)
                return
            except IllIndexError as error:
                await self._put_aside(error)
        await self.open()

    async def nearest(
        self, vector: NDArray[np.float32], kind: Kind, namespace: str | None, count: int
    ) -> list[tuple[int, float]] | None:
        """Return rows `(seq, cosine)`, best first; None when Chroma cannot answer."""
        found: list[tuple[int, float]] = []
        async with self._lock:
            if not self.ready:
                return None
            try:
                for name in await asyncio.to_thread(self._folder.names_of, kind, namespace):
                    found += await asyncio.to_thread(self._folder.nearest, name, vector, count)
            except IllIndexError as error:
                # The worker opens it again; until then the exact search answers.
                await self._put_aside(error)
                return None
        return sorted(found, key=lambda row: -row[1])[:count]

    async def close(self) -> None:
        """Let go of the folder."""
        async with self._lock:
            self.ready = False
            await asyncio.to_thread(self._folder.release)
