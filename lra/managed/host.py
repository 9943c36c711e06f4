"""What the managed agents of a program share: the record, and an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

from lra.config import Settings, load_settings
from lra.errors import UsageError
from lra.memory import Memory
from lra.session.sync import LoopThread, awaited
from lra.store import StructuredMemoryStore

T = TypeVar("T")


class Host:
    """The record and the thread that managed agents work with; both are there from first use on.

    An agent makes one for itself. Many agents of one program share one that is given to them, and can be called from
    any thread and any event loop.

    Args:
        settings: The settings; by default those of the environment and of `.env`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._thread: LoopThread | None = None
        self._starting = threading.Lock()
        self._opened: tuple[Settings, StructuredMemoryStore, Memory] | None = None
        self._opening: asyncio.Lock | None = None

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the thread and return at once."""
        with self._starting:
            if self._thread is None:
                self._thread = LoopThread()
                # Whoever lets go of it without closing leaves no thread behind.
                weakref.finalize(self, self._thread.leave)
            return self._thread.start(work)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread and wait for it.

        Raises:
            UsageError: This is the thread, which cannot wait for itself.
        """
        if self._thread is not None and self._thread.here:
            work.close()
            raise UsageError(
                "A managed agent was asked to wait for itself.", hint="Call it from a function that is not async."
            )
        return awaited(self.start(work))

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the thread and wait for it on another event loop; cancelling cancels it."""
        return await asyncio.wrap_future(self.start(work))

    async def open(self) -> tuple[Settings, StructuredMemoryStore, Memory]:
        """Return what is shared; in the thread alone.

        Raises:
            LraError: The settings are wrong, or the database cannot be used.
        """
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._opened is None:
                settings = await asyncio.to_thread(load_settings) if self._settings is None else self._settings
                store = StructuredMemoryStore(settings.database_url)
                await store.init_db()
                self._opened = settings, store, Memory(store, settings=settings)
            return self._opened

    async def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            _, store, memory = opened
            await memory.close()
            await store.close()

    def close(self) -> None:
        """Let go of the record and end the thread; the next use begins anew."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.run(self._close())
            thread.close()
        self._opening = None

    def __enter__(self) -> Self:
        """Return it; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()
