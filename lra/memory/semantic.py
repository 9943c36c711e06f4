"""Search by meaning: the embedder, the stored vectors and the index behind them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lra.config import Settings, load_settings
from lra.errors import LraError
from lra.memory.index.care import IndexCare
from lra.memory.index.earlier import Earlier
from lra.memory.index.exact import ExactIndex, purge
from lra.memory.index.matrix import Matrix, Nearest
from lra.memory.index.mirror import Mirror
from lra.memory.index.shelf import FILE_FROM
from lra.memory.index.worker import CHROMA_FROM, Indexer
from lra.store import StructuredMemoryStore
from lra.store.fts import Corpus, Filters, allowed, in_session
from lra.store.queue import Kind
from lra.store.vectors import of_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lra.memory.embedding import Embedder, EmbedderChoice

_KINDS: dict[Corpus, Kind] = {"memories": "memory", "journal": "turn"}
_CACHED_QUERIES = 64
_WIDER = 8
_ERROR_PAUSE = 30.0
COLD_PATIENCE = 1.5
"""Seconds that the first question of a process may take, model and vectors still to be loaded."""
SEARCH_PATIENCE = 10.0
"""Seconds that a question waits for its vector before it is answered by words alone."""


class Semantic:
    """Vectors of one record.

    Args:
        store: The record.
        settings: Where the index lives and which embedder is wanted; read when first needed.
        embedder: An embedder to use instead of the configured one.
        chroma_from: Stored vectors from which Chroma answers instead of exact search.
        file_from: Rows from which they are looked through in a file instead of in memory.
    """

    def __init__(
        self,
        store: StructuredMemoryStore,
        *,
        settings: Settings | None,
        embedder: Embedder | None,
        chroma_from: int = CHROMA_FROM,
        file_from: int = FILE_FROM,
    ) -> None:
        self._store = store
        self.file_from = file_from
        self._settings = settings
        self._embedder = embedder
        self._chroma_from = chroma_from
        self._choice: EmbedderChoice | None = None
        self._choosing = asyncio.Lock()
        self._indexer: Indexer | None = None
        self._exact: ExactIndex | None = None
        self._earlier = Earlier(self._store.database.path)
        self._queries: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._quiet_until = 0.0
        self._cold = True
        self.trouble = ""
        """Why no embedder can be chosen."""
        self.failure = ""
        """Why the last question could not be embedded."""

    @property
    def indexer(self) -> Indexer | None:
        """The background worker, once it was needed."""
        return self._indexer

    @property
    def reason(self) -> str:
        """Which embedder is used, or why none, in one sentence."""
        if self._embedder is not None:
            return f"{self._embedder.name} was given by the program."
        return self.trouble or (self._choice.reason if self._choice else "No embedder has been chosen yet.")

    async def choose(self) -> EmbedderChoice | None:
        """Find out which embedder is wanted; quick after the first time, never loads or fetches one."""
        async with self._choosing:
            if self._choice is None and self._embedder is None and not self.trouble:
                from lra.memory.embedding import choose_embedder

                try:
                    self._choice = await asyncio.to_thread(lambda: choose_embedder(self._settings or load_settings()))
                except LraError as error:
                    self.trouble = str(error)
        return self._choice

    async def embedder(self, *, fetch: bool = False) -> Embedder | None:
        """Return the embedder, or None when there is none for now.

        Args:
            fetch: Whether its model may be fetched first.
        """
        if self._embedder is not None:
            return self._embedder
        choice = await self.choose()
        if choice is None:
            return None
        return await choice.prepare() if fetch else choice.embedder

    def _wanted(self) -> bool:
        if self._embedder is not None or self.trouble:
            return True
        return self._choice is None or self._choice.embedder is not None or self._choice.needs_download

    async def worker(self) -> Indexer:
        """Return the worker, not yet started."""
        if self._indexer is None:
            chroma = await asyncio.to_thread(self.chroma_path)
            self._indexer = Indexer(
                self._store,
                embedder=lambda: self.embedder(fetch=True),
                wanted=self._wanted,
                chroma=chroma,
                completion=self,
                chroma_from=self._chroma_from,
            )
        return self._indexer

    def chroma_path(self) -> Path:
        """Return where Chroma's folder of this record is, or would be."""
        settings = self._settings or load_settings()
        database = self._store.database.path
        if self._settings is None and not settings.database_url.endswith(str(database)):
            # A record of its own has an index of its own.
            return database.with_name("chroma_db")
        return settings.vector_store_path

    async def ask(self, query: str, *, patience: float) -> NDArray[np.float32] | None:
        """Return the vector of a question; None when it, or the vectors to compare it with, are not there in time."""
        loop = self._loop = asyncio.get_running_loop()
        embedder = await self._answering() if loop.time() >= self._quiet_until else None
        if embedder is None:
            return None
        if self._exact is None or self._exact.fingerprint != embedder.fingerprint:
            self._exact = self._index(embedder.fingerprint)
            self._queries.clear()
        # The first question of a process also pays for loading the model and the vectors.
        patience, self._cold = (max(patience, COLD_PATIENCE) if self._cold else patience), False
        if not await self._filled(self._exact, patience):
            return None
        if query not in self._queries:
            task = asyncio.ensure_future(self._embed(embedder, query))
            await asyncio.wait([task], timeout=patience)
        return self._queries.get(query)

    async def settle(self) -> None:
        """Wait until the vector files are up to date, if there are any."""
        if self._exact is not None:
            await self._exact.settle()

    async def _answering(self) -> Embedder | None:
        """Return the embedder whose vectors answer: the earlier one's, until those of the wanted one are complete."""
        wanted = await self.embedder()
        if wanted is None and not self._wanted():
            return None
        return await self._earlier.until(wanted, self._settings) or wanted

    def _index(self, fingerprint: str) -> ExactIndex:
        return ExactIndex(self._store.database, fingerprint, file_from=self.file_from)

    async def is_complete(self, fingerprint: str) -> bool:
        """Return whether every row of this embedder was embedded once; what came later is in the outbox."""
        # A database that was replaced may hold no vector at all.
        return await self._earlier.fingerprint() == fingerprint and (await self._store.vectors.marks()).vectors > 0

    async def completed(self, embedder: Embedder) -> None:
        """Let the vectors of the wanted embedder answer from now on."""
        current = self._exact if self._exact and self._exact.fingerprint == embedder.fingerprint else None
        if (await self._store.vectors.marks()).vectors >= self.file_from:
            # Until its file is made it could not answer at all.
            index = current or self._index(embedder.fingerprint)
            await index.settle()
        await self._earlier.completed(embedder, self._settings, chosen=self._embedder is None)

    async def interrupted(self) -> None:
        """Take note that changes were dropped unseen."""
        await self._earlier.interrupted()

    async def _filled(self, exact: ExactIndex, patience: float) -> bool:
        """Tell whether there are vectors to compare a question with."""
        if self._mirror() is not None:
            return bool((await self._store.vectors.marks()).vectors)
        return await exact.ready(patience) and bool(exact)

    async def _embed(self, embedder: Embedder, query: str) -> None:
        """Embed a question; an answer that comes too late serves the next time."""
        try:
            self._queries[query] = await embedder.embed_query(query)
        except LraError as error:
            self.failure = str(error)
            self._quiet_until = asyncio.get_running_loop().time() + _ERROR_PAUSE
        while len(self._queries) > _CACHED_QUERIES:
            self._queries.popitem(last=False)

    def nearest(
        self, connection: Connection, vector: NDArray[np.float32], corpus: Corpus, *, filters: Filters, limit: int
    ) -> list[tuple[int, float]]:
        """Return the rows that count and are nearest `(seq, cosine)`, best first; call it in a thread that reads."""

        def counting(found: list[tuple[int, float]]) -> list[tuple[int, float]]:
            fit = allowed(connection, corpus, [seq for seq, _ in found], filters=filters)
            return [(seq, cosine) for seq, cosine in found if seq in fit]

        if filters.session is not None:
            # A session is so small a part that all its rows are compared sooner than they turn up among the nearest.
            rows = in_session(connection, corpus, filters.session)
            near = self.cosines(connection, vector, corpus, rows)
            return counting(sorted(near.items(), key=lambda pair: -pair[1]))[:limit]
        count = 2 * limit if filters.broad else 2 * _WIDER * limit
        nearest = self._nearest(vector, _KINDS[corpus], filters.namespace)
        while True:
            found = nearest(count)
            kept = counting(found)
            if len(kept) >= limit or len(found) < count:
                return kept[:limit]
            count *= _WIDER

    def _mirror(self) -> Mirror | None:
        mirror = self._indexer.mirror if self._indexer else None
        answers = mirror is not None and self._exact is not None and mirror.fingerprint == self._exact.fingerprint
        return mirror if mirror is not None and answers and mirror.ready else None

    def _nearest(self, vector: NDArray[np.float32], kind: Kind, namespace: str | None) -> Nearest:
        assert self._exact is not None
        mirror, loop, exact = self._mirror(), self._loop, self._exact
        if mirror is None or loop is None:
            return exact.nearest(vector, kind)

        def ask(count: int) -> list[tuple[int, float]]:
            # Chroma has threads of its own; this one reads and may wait for them.
            asked = asyncio.run_coroutine_threadsafe(mirror.nearest(vector, kind, namespace, count), loop)
            answer = asked.result()
            return exact.nearest(vector, kind)(count) if answer is None else answer

        return ask

    def cosines(
        self, connection: Connection, vector: NDArray[np.float32], corpus: Corpus, seqs: Sequence[int]
    ) -> dict[int, float]:
        """Return how near each of these rows is, if it has a vector; call it in a thread that reads."""
        assert self._exact is not None
        if not self._mirror():
            return self._exact.cosines(vector, _KINDS[corpus], seqs)
        matrix = Matrix()
        matrix.put(of_rows(connection, self._exact.fingerprint, _KINDS[corpus], seqs))
        return matrix.cosines(vector, seqs)

    def forgotten(self) -> None:
        """Drop every vector held in memory; what still counts is read again."""
        if self._exact is not None:
            self._exact.reset()
        self._queries.clear()

    async def purge(self) -> dict[str, int]:
        """Take out of the vector files what the record no longer holds; returns how many such rows are left."""
        self.forgotten()
        return {"vector files": await purge(self._store.database)}

    def care(self) -> IndexCare:
        """Return what examines and mends the indexes."""
        return IndexCare(
            self._store,
            embedder=lambda: self.embedder(fetch=True),
            reason=lambda: self.reason,
            earlier=self._earlier.fingerprint,
            worker=self.worker,
            open_index=self._index,
            wanted=self._wanted,
        )

    async def close(self) -> None:
        """Stop the worker and release the embedder, unless it was given."""
        indexer, self._indexer = self._indexer, None
        if indexer is not None:
            await indexer.stop()
        choice, self._choice = self._choice, None
        if choice is not None and choice.embedder is not None:
            await choice.embedder.close()
        await self._earlier.close()
        exact, self._exact = self._exact, None
        if exact is not None:
            exact.close()
        self._queries.clear()
