"""The background worker: embeds what the outbox holds and passes it to the index."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lra.errors import LraError
from lra.memory.embedding.lock import FileLock
from lra.memory.index.chroma import ChromaFolder
from lra.memory.index.mirror import Mirror
from lra.store import StructuredMemoryStore
from lra.store.queue import QueueItem
from lra.store.vectors import IndexText

if TYPE_CHECKING:
    from lra.memory.embedding import Embedder

BATCH = 128
CHROMA_FROM = 100_000
"""Stored vectors from which Chroma is quicker than exact search."""
CHROMA_TO = 250_000
"""Stored vectors beyond which it takes more memory and time to open than it is worth."""
POLL_SECONDS = 0.5
LOCK_SECONDS = 1.0
LONGEST_PAUSE = 60.0
NO_PROGRESS_SECONDS = 30.0
_STOP_SECONDS = 2.0

logger = logging.getLogger("lra.memory")


class Completion(Protocol):
    """Knows whose vectors are complete, in this process and the next."""

    async def is_complete(self, fingerprint: str) -> bool:
        """Return whether every row of this embedder was embedded once; what came later is in the outbox."""
        ...

    async def completed(self, embedder: Embedder) -> None:
        """Take note that nothing is left to embed."""
        ...

    async def interrupted(self) -> None:
        """Take note that changes were dropped unseen."""
        ...


class Indexer:
    """Drains the outbox while this process owns the index of its record.

    Args:
        store: The record.
        embedder: Gives the embedder when there is one; may fetch a model first.
        wanted: Whether there will ever be one; without, the outbox is simply emptied.
        chroma: Chroma's folder.
        completion: Knows whose vectors are complete.
        chroma_from: Stored vectors from which Chroma is kept as well.
    """

    def __init__(
        self,
        store: StructuredMemoryStore,
        *,
        embedder: Callable[[], Awaitable[Embedder | None]],
        wanted: Callable[[], bool],
        chroma: Path,
        completion: Completion,
        chroma_from: int = CHROMA_FROM,
    ) -> None:
        self._store = store
        self._completion = completion
        self._complete = False
        self._embedder = embedder
        self._wanted = wanted
        self._chroma = chroma
        self._chroma_from = chroma_from
        path = store.database.path
        self._lock = FileLock(path.with_name(path.name + ".index-lock"))
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._fingerprint: str | None = None
        self._pause = 0.0
        self.owner = False
        self.stuck = False
        """Whether the outbox cannot be drained for now: no embedder, or it fails."""
        self.trouble = ""
        self.mirror: Mirror | None = None

    @property
    def running(self) -> bool:
        """Whether the worker is at work."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin, unless it is running."""
        if not self.running:
            self._task = asyncio.create_task(self._run(), name="lra-indexer")

    def wake(self) -> None:
        """Say that there is something new."""
        self._wake.set()

    async def stop(self) -> None:
        """End the work after the current step and give up ownership."""
        task, self._task = self._task, None
        if task is not None:
            # Again, should something on the way take the cancellation for its own.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=_STOP_SECONDS)
        await self._disown()

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._step()
                except LraError as error:
                    self._failed(str(error))
                except Exception as error:
                    # Recall by words goes on; the worker must not die of one bad row.
                    logger.exception("the index worker failed")
                    self._failed(f"{type(error).__name__}: {error}")
                await self._rest()
        finally:
            await asyncio.shield(self._disown())

    def _failed(self, reason: str) -> None:
        self.stuck, self.trouble = True, reason
        self._pause = min(LONGEST_PAUSE, max(1.0, self._pause * 2))

    async def _rest(self) -> None:
        pause = self._pause or (POLL_SECONDS if self.owner else LOCK_SECONDS)
        # Not wait_for: before Python 3.12 it forgets that it was cancelled when it is woken at the same moment.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._wake.wait()
        self._wake.clear()

    async def _step(self) -> None:
        """Take ownership if it is free, then drain the outbox."""
        if not await self.own():
            return
        while await self.drain_some():
            pass

    async def own(self) -> bool:
        """Take the right to drain the outbox; it ends with the process."""
        if not self.owner:
            await self._store.database.open()
            try:
                self.owner = await asyncio.to_thread(self._lock.try_acquire)
            except OSError as error:
                # A file system without locks: two workers do the same work twice, but nothing is lost.
                self.trouble = f"The index lock cannot be taken: {error.strerror}."
                self.owner = True
        return self.owner

    async def _disown(self) -> None:
        if self.mirror is not None:
            mirror, self.mirror = self.mirror, None
            await mirror.close()
        self._fingerprint = None
        self.owner = False
        self._lock.release()

    async def drain_some(self) -> bool:
        """Work on one batch; says whether there was one."""
        embedder = await self._embedder()
        if embedder is None:
            self.stuck = self._wanted()
            return not self.stuck and await self._discard()
        if self._fingerprint != embedder.fingerprint:
            if not await self._completion.is_complete(embedder.fingerprint):
                await self._store.queue.enqueue_missing(embedder.fingerprint)
            self._fingerprint, self._complete = embedder.fingerprint, False
        items = await self._store.queue.peek(BATCH)
        await self._keep_mirror(embedder.fingerprint, idle=not items)
        if not items:
            await self._settle(embedder)
            self.stuck, self.trouble, self._pause = False, "", 0.0
            return False
        self._complete = False
        await self._index(embedder, items)
        return True

    async def _settle(self, embedder: Embedder) -> None:
        """Say once that everything that can be embedded is."""
        if not self._complete and not await self._store.queue.untried():
            await self._completion.completed(embedder)
            self._complete = True

    async def drain(self, timeout: float | None) -> bool:
        """Wait until the outbox is empty, draining it here when no worker does.

        Returns:
            False when it cannot be drained, the time is up, or another process that should drain it does not.
        """
        start = progress = time.monotonic()
        left = await self._store.queue.pending()
        alone = not self.running
        try:
            # Once more when nothing is left, so that it is noted that everything is there.
            while left or (alone and self.owner and await self.drain_some()):
                if alone and await self.own():
                    # A model that has to be fetched first may take longer than there is time.
                    rest = None if timeout is None else max(0.01, timeout - (time.monotonic() - start))
                    async with asyncio.timeout(rest):
                        await self.drain_some()
                self.wake()
                before, left = left, await self._store.queue.pending()
                now = time.monotonic()
                progress = now if left < before else progress
                if left and (self.stuck or now - progress > NO_PROGRESS_SECONDS):
                    return False
                if left and timeout is not None and now - start >= timeout:
                    return False
                if left and not (alone and self.owner):
                    await asyncio.sleep(0.02)
            return True
        except TimeoutError:
            return False
        except LraError as error:
            self._failed(str(error))
            return False
        finally:
            if alone:
                await self._disown()

    async def complete(self, progress: Callable[[int], None]) -> bool:
        """Embed every row that has no vector, here or by waiting for the process that does such work.

        Args:
            progress: Told again and again how many texts are left.

        Returns:
            False when there is no embedder, some texts cannot be embedded, or the other process does not go on.

        Raises:
            LraError: The embedder or the record fails.
        """
        embedder = await self._embedder()
        if embedder is None:
            return False
        await self._store.queue.enqueue_missing(embedder.fingerprint)
        try:
            if await self.own():
                self._fingerprint, self._complete = embedder.fingerprint, False
                return await self._complete_here(progress)
            return await self._complete_there(progress)
        finally:
            if not self.running:
                await self._disown()

    async def _complete_here(self, progress: Callable[[int], None]) -> bool:
        more = True
        while more:
            progress(await self._store.queue.pending())
            try:
                more = await self.drain_some()
            except LraError:
                raise
            except Exception as error:
                # A row that cannot be embedded stays in the outbox, behind those that can.
                self._failed(f"{type(error).__name__}: {error}")
                more = await self._store.queue.untried()
        progress(left := await self._store.queue.pending())
        return not left

    async def _complete_there(self, progress: Callable[[int], None]) -> bool:
        least, since = await self._store.queue.pending(), time.monotonic()
        while left := await self._store.queue.pending():
            progress(left)
            if left < least:
                least, since = left, time.monotonic()
            if time.monotonic() - since > NO_PROGRESS_SECONDS:
                return False
            await asyncio.sleep(0.1)
        progress(0)
        return True

    async def _discard(self) -> bool:
        items = await self._store.queue.peek(5000)
        if items:
            await self._completion.interrupted()
            await self._store.queue.done(items)
        return bool(items)

    async def _index(self, embedder: Embedder, items: Sequence[QueueItem]) -> None:
        texts = await self._store.vectors.texts(items)
        stored = await self._store.vectors.get(embedder.fingerprint, list({text.hash for text in texts}))
        missing = list({text.hash: text for text in texts if text.hash not in stored}.values())
        try:
            stored.update(await self._embed(embedder, missing))
        except LraError:
            await self._store.queue.failed(items)
            raise
        except Exception:
            if len(items) == 1:
                await self._store.queue.failed(items)
                raise
            await self._index_each(embedder, items)
            return
        if self.mirror is not None:
            await self.mirror.apply(items, texts, stored)
        await self._store.queue.done(items)
        self.stuck, self.trouble, self._pause = False, "", 0.0

    async def _index_each(self, embedder: Embedder, items: Sequence[QueueItem]) -> None:
        """Find out which item is bad, so that the others get through."""
        failures: list[Exception] = []
        for item in items:
            try:
                await self._index(embedder, [item])
            except LraError:
                raise
            except Exception as error:
                failures.append(error)
        if failures:
            await self._settle(embedder)
            raise failures[0]

    async def _embed(self, embedder: Embedder, texts: Sequence[IndexText]) -> dict[str, bytes]:
        if not texts:
            return {}
        vectors = await embedder.embed_documents([text.content for text in texts])
        made = {text.hash: vector.astype("<f4").tobytes() for text, vector in zip(texts, vectors, strict=True)}
        await self._store.vectors.put(embedder.fingerprint, made)
        return made

    async def _keep_mirror(self, fingerprint: str, *, idle: bool) -> None:
        """Open Chroma when it has become worth it, again after it was put aside."""
        if self.mirror is not None and self.mirror.ready:
            return
        if self.mirror is None:
            stored = (await self._store.vectors.marks()).vectors
            if stored < self._chroma_from:
                return
            if not self._chroma_from <= await self._store.vectors.count(fingerprint) <= CHROMA_TO:
                return
            folder = ChromaFolder(self._chroma, self._store.database.path, fingerprint)
            self.mirror = Mirror(folder, self._store.vectors, fingerprint)
        if idle:
            await self.mirror.open()
