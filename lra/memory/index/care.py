"""Examining, mending and rebuilding the indexes of a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lra.memory.findings import Finding
from lra.memory.index import filing
from lra.memory.index.exact import ExactIndex, purge
from lra.memory.index.footprint import footprint
from lra.store import StructuredMemoryStore
from lra.store.checking import Differing, IndexChecks
from lra.store.fts import Corpus
from lra.store.queue import Kind

if TYPE_CHECKING:
    from lra.memory.embedding import Embedder
    from lra.memory.index.worker import Indexer

FIX = "lra memory doctor --fix"
REINDEX = "lra memory reindex"
INDEX = "lra memory index"
_SAMPLE = 32
_CORPORA: tuple[tuple[Corpus, str], ...] = (("memories", "memories"), ("journal", "messages"))
_KINDS: tuple[tuple[Kind, str], ...] = (("memory", "memories"), ("turn", "messages"))

Draw = Callable[[str, int, int], None]
"""Told a step's name, what of it is done and the whole of it."""


class IndexCare:
    """What `lra memory doctor` and `lra memory reindex` do with the indexes.

    Args:
        store: The record.
        embedder: Gives the wanted embedder; may fetch its model.
        reason: Says which embedder that is, or why there is none.
        earlier: Gives the fingerprint of the embedder whose vectors answer.
        worker: Gives the worker that embeds.
        open_index: Opens the index of an embedder.
        wanted: Whether there should be an embedder.
    """

    def __init__(
        self,
        store: StructuredMemoryStore,
        *,
        embedder: Callable[[], Awaitable[Embedder | None]],
        reason: Callable[[], str],
        earlier: Callable[[], Awaitable[str | None]],
        worker: Callable[[], Awaitable[Indexer]],
        open_index: Callable[[str], ExactIndex],
        wanted: Callable[[], bool],
    ) -> None:
        self._store = store
        self._checks = IndexChecks(store.database)
        self._embedder = embedder
        self._reason = reason
        self._earlier = earlier
        self._worker = worker
        self._open_index = open_index
        self._wanted = wanted

    async def lack(self) -> tuple[str, bool]:
        """Return why there is no embedder, in a sentence, empty when there is one; and whether one is wanted."""
        return "" if await self._embedder() is not None else self._reason(), self._wanted()

    async def examine(self) -> list[Finding]:
        """Compare every index with the record; changes nothing."""
        findings = await self._words()
        findings.append(await self._outbox())
        embedder = await self._embedder()
        if embedder is None:
            pending = await self._store.queue.pending() if self._wanted() else 0
            findings.append(
                Finding(
                    name="embedder",
                    # Search by words has them all: it is no fault that vectors wait.
                    what=f"{pending:,} without a vector yet: {self._reason()}" if pending else self._reason(),
                    fix=INDEX if pending else "",
                )
            )
        else:
            findings += await self._vectors(embedder)
            index = self._open_index(embedder.fingerprint)
            try:
                findings += await self._index(index)
            finally:
                index.close()
        findings.append(Finding(name="process memory", what=await asyncio.to_thread(footprint)))
        return findings

    async def _words(self) -> list[Finding]:
        findings = []
        for corpus, name in _CORPORA:
            missing, extra = await self._checks.unworded(corpus), await self._checks.worded_only(corpus)
            what = f"{name} that full-text search does not know" if missing.count else f"{name} are found by words"
            findings.append(_finding(f"words of {name}", what, missing, FIX))
            if extra.count:
                findings.append(_finding(f"words of {name}", f"entries that belong to no {name}", extra, FIX))
        return findings

    async def _outbox(self) -> Finding:
        failing, pending = await self._checks.failing(), await self._store.queue.pending()
        if failing.count:
            return _finding("outbox", "texts that could not be embedded so far", failing, REINDEX)
        return Finding(name="outbox", what=f"{pending} texts wait to be embedded" if pending else "nothing waits")

    async def _vectors(self, embedder: Embedder) -> list[Finding]:
        fingerprint, answering = embedder.fingerprint, await self._earlier()
        missing = await self._checks.unembedded(fingerprint)
        what = "texts without a vector, which wait for none" if missing.count else "every text has a vector or waits"
        findings = [_finding("vectors", what, missing, REINDEX)]
        wrong = await self._checks.malformed(fingerprint, embedder.dimensions)
        if wrong.count:
            findings.append(_finding("vectors", "vectors of a wrong length", wrong, FIX))
        unused = await self._checks.unused()
        if unused.count:
            findings.append(_finding("vectors", "vectors of texts that are gone", unused, FIX))
        for other, count in (await self._checks.others([fingerprint, answering or ""])).items():
            what = f"vectors of {other}, which is not used any more"
            findings.append(Finding(name="vectors", what=what, count=count, fix=FIX))
        if answering not in (None, fingerprint):
            findings.append(Finding(name="embedder", what=f"{answering} answers until {fingerprint} is complete"))
        return findings

    async def _index(self, index: ExactIndex) -> list[Finding]:
        findings = []
        for kind, drift in (await index.drift()).items():
            rows = Differing(drift.missing + drift.stale, tuple(str(seq) for seq in drift.examples))
            size = index.shelves[kind].file.size / 1e6
            sound = f"{index.shelves[kind].file.path.name} ({size:.0f} MB) agrees with the record"
            what = f"rows by which {index.shelves[kind].file.path.name} differs" if rows.count else sound
            findings.append(_finding("vector file", what, rows, FIX))
        if not await index.ready(60.0):
            return findings
        for kind, name in _KINDS:
            lost = await self._lost(index, kind)
            what = f"of {_SAMPLE} {name} are not found by their own vectors" if lost.count else ""
            findings.append(_finding("search", what or f"{name} are found by their own vectors", lost, REINDEX))
        return findings

    async def _lost(self, index: ExactIndex, kind: Kind) -> Differing:
        def work(connection: Connection) -> Differing:
            lost = filing.unsound(connection, index.shelves[kind], kind, index.fingerprint, _SAMPLE)
            return Differing(len(lost), tuple(str(seq) for seq in lost[:3]))

        return await self._store.database.query(work)

    async def mend(self, draw: Draw) -> list[Finding]:
        """Put right what needs no question; returns what was done, and what could not be."""
        done = []
        for corpus, name in _CORPORA:
            if count := await self._checks.mend_words(corpus):
                done.append(Finding(name=f"words of {name}", what="entries were put right", count=count))
        if count := await self._checks.drop_unused():
            done.append(Finding(name="vectors", what="vectors of texts that are gone were removed", count=count))
        embedder = await self._embedder()
        if embedder is not None:
            done += await self._mend_vectors(embedder, draw)
        if count := await purge(self._store.database):
            done.append(Finding(name="vector file", what="rows are left: another process is writing it", count=count))
        return done

    async def _mend_vectors(self, embedder: Embedder, draw: Draw) -> list[Finding]:
        done = []
        if count := await self._checks.drop_malformed(embedder.fingerprint, embedder.dimensions):
            done.append(Finding(name="vectors", what="vectors of a wrong length were removed", count=count))
        for other in await self._checks.others([embedder.fingerprint, await self._earlier() or ""]):
            count = await self._checks.drop_all(other)
            done.append(Finding(name="vectors", what=f"vectors of {other} were removed", count=count))
        before = await self._store.vectors.count(embedder.fingerprint)
        await self.embed(draw)
        if count := await self._store.vectors.count(embedder.fingerprint) - before:
            done.append(Finding(name="vectors", what="texts were embedded", count=count))
        return done

    async def reindex(self, draw: Draw, *, fresh: bool = False) -> bool:
        """Make every index anew from the record, in steps that can be ended anywhere and begun again.

        Args:
            draw: Told how far it is.
            fresh: Whether to compute the vectors again as well.

        Returns:
            False when something could not be indexed.

        Raises:
            LraError: The embedder or the record fails.
        """
        for corpus, _ in _CORPORA:
            await self._checks.mend_words(corpus)
        embedder = await self._embedder()
        if embedder is None:
            return not self._wanted()
        if fresh:
            await self._checks.drop_all(embedder.fingerprint)
        complete = await self.embed(draw)
        index = self._open_index(embedder.fingerprint)
        try:
            await index.ready(60.0)
            return await self._file(index, draw) and complete
        finally:
            index.close()

    async def embed(self, draw: Draw) -> bool:
        """Embed every text that has no vector; False when some cannot be, or there is no embedder."""
        worker, most = await self._worker(), 0

        def told(left: int) -> None:
            nonlocal most
            most = max(most, left)
            draw("embedding", most - left, max(1, most))

        return await worker.complete(told)

    async def _file(self, index: ExactIndex, draw: Draw) -> bool:
        building = asyncio.ensure_future(index.rebuild())
        while not (await asyncio.wait([building], timeout=0.2))[0]:
            if index.progress is not None:
                draw("vector file", *index.progress)
        return building.result()


def _finding(name: str, what: str, rows: Differing, fix: str) -> Finding:
    return Finding(name=name, what=what, count=rows.count, examples=rows.examples, fix=fix if rows.count else "")
