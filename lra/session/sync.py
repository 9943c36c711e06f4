"""Sessions for code without `await`: scripts, notebooks, threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from lra.events import Event
from lra.session.opening import Wanted
from lra.session.session import Session

T = TypeVar("T")

_PATIENCE = 2.0
"""Seconds to wait for what was cancelled."""


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, also where an event loop runs already, as in a notebook.

    Args:
        work: The coroutine; it may not need the loop that is running.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with LoopThread() as loop:
        return loop.run(work)


def awaited(future: Future[T]) -> T:
    """Wait for what runs in another thread, and cancel it when the waiting is broken off.

    Args:
        future: What runs there.
    """
    try:
        return future.result()
    except BaseException:
        # Ctrl-C reaches this thread alone.
        future.cancel()
        raise


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="lra-sync", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for it."""
        return awaited(self.start(work))

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there and return at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def here(self) -> bool:
        """Whether this is the thread."""
        return threading.current_thread() is self._thread

    def leave(self) -> None:
        """Cancel what runs there and end the thread, as far as that is done at once."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # Nobody's event loop waits, as at the end of the program.
            self._thread.join(_PATIENCE)

    def close(self) -> None:
        """End the thread; a second call does nothing."""
        if self._loop.is_closed():
            return
        self.run(self._loop.shutdown_asyncgens())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class SyncSession:
    """A `Session` whose methods wait.

    Args:
        **wanted: As for `Session.open`.

    Raises:
        LraError: It cannot be opened.
    """

    def __init__(self, **wanted: Unpack[Wanted]) -> None:
        self._loop, self._closed = LoopThread(), False
        try:
            self.session = self._loop.run(Session.open(**wanted))
        except BaseException:
            self._loop.close()
            raise

    @property
    def id(self) -> str:
        """The session's id."""
        return self.session.id

    def send(self, text: str) -> Iterator[Event]:
        """Run one turn and yield its events; leaving the loop early cancels the turn.

        Raises:
            LraError: The turn cannot begin.
        """
        stream = self.session.send(text)
        try:
            while (event := self._loop.run(_next(stream))) is not None:
                yield event
        finally:
            self._loop.run(_end(stream))

    def cancel(self) -> None:
        """End the running turn; may be called from any thread."""
        self.session.cancel()

    def fork(self, *, until: int | None = None) -> SyncSession:
        """Return a session that starts as a copy of this one; it is closed with it or before it."""
        copy = SyncSession.__new__(SyncSession)
        copy._loop, copy._closed = self._loop, False
        copy.session = self._loop.run(self.session.fork(until=until))
        return copy

    def close(self) -> None:
        """Close the session; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        owns = self.session._owns_runtime
        self._loop.run(self.session.close(summarize=False))
        if owns:
            self._loop.close()

    def __enter__(self) -> Self:
        """Return the session; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the session."""
        self.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_PATIENCE / 2) if tasks else None
    asyncio.get_running_loop().stop()


async def _next(stream: AsyncIterator[Event]) -> Event | None:
    return await anext(stream, None)


async def _end(stream: AsyncIterator[Event]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]
