"""`Agent`: the name and the front of a backend."""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import aclosing
from typing import Any, TypeVar

from lra.errors import UsageError
from lra.managed.config import LocalManagedConfig
from lra.managed.local import LocalManagedAgent
from lra.managed.protocols import ManagedBackendProtocol, ManagedRuntimeProtocol
from lra.managed.runtime_backend import RuntimeBackend
from lra.managed.worker import check_message
from lra.session.sync import LoopThread
from lra.text import one_line

T = TypeVar("T")


class Agent:
    """An agent, whoever answers for it.

    Args:
        name: What it is called.
        backend: Who answers: a `ManagedAgent`, or a backend or a runtime of one's own; by default a managed agent of
            this name.

    Raises:
        UsageError: The backend cannot do what a backend has to.
    """

    def __init__(
        self,
        name: str = "Agent",
        *,
        backend: ManagedBackendProtocol | ManagedRuntimeProtocol | None = None,
    ) -> None:
        self.name = name
        self.backend: ManagedBackendProtocol = (
            LocalManagedAgent(config=LocalManagedConfig(name=name, model=None))
            if backend is None
            else _checked(backend, name)
        )
        self.chat_history: list[dict[str, str]] = []
        """What was said through this object: `role` and `content`."""
        self._thread: LoopThread | None = None

    def start(self, prompt: str, *, stream: bool = False, **options: Any) -> str:
        """Run one turn and return the answer; works where an event loop runs, too.

        Args:
            prompt: The message.
            stream: Whether the answer is printed as it comes.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        if not stream:
            return self._run(self.astart(prompt, **options))
        pieces = []
        for piece in self.iter_stream(prompt, **options):
            print(piece, end="", flush=True)
            pieces.append(piece)
        print()
        return "".join(pieces)

    def run(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer, as `start` does without `stream`.

        Args:
            prompt: The message.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        return self.start(prompt, **options)

    def iter_stream(self, prompt: str, **options: Any) -> Iterator[str]:
        """Run one turn and yield the answer as it comes; leaving the loop cancels the turn.

        Args:
            prompt: The message.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        stream = self.astream(prompt, **options)
        try:
            while (piece := self._run(_next(stream))) is not None:
                yield piece
        finally:
            self._run(_end(stream))

    async def astart(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer.

        Args:
            prompt: The message.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        self._heard(prompt)
        answer = await self.backend.execute(prompt, **options)
        self._said(answer)
        return answer

    async def arun(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer, as `astart` does.

        Args:
            prompt: The message.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        return await self.astart(prompt, **options)

    async def astream(self, prompt: str, **options: Any) -> AsyncIterator[str]:
        """Run one turn and yield the answer as it comes; leaving the loop cancels the turn.

        Args:
            prompt: The message.
            **options: For the backend.

        Raises:
            LraError: The turn did not complete.
        """
        self._heard(prompt)
        pieces = []
        async with aclosing(self.backend.stream(prompt, **options)) as stream:  # type: ignore[type-var]
            async for piece in stream:
                pieces.append(piece)
                yield piece
        self._said("".join(pieces))

    def _heard(self, prompt: str) -> None:
        check_message(prompt)
        self.chat_history.append({"role": "user", "content": prompt})

    def _said(self, answer: str) -> None:
        self.chat_history.append({"role": "assistant", "content": answer})

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            # One loop for all turns: what a backend opens in one turn may belong to the loop.
            self._thread = LoopThread()
            weakref.finalize(self, self._thread.leave)
        return self._thread.run(work)


def _checked(backend: Any, name: str) -> ManagedBackendProtocol:
    missing = [name for name in ("execute", "stream", "reset_session", "reset_all") if not hasattr(backend, name)]
    if missing and isinstance(backend, ManagedRuntimeProtocol):
        return RuntimeBackend(backend, name=name)
    if missing:
        raise UsageError(
            f"{one_line(repr(backend), 60)} is no backend: it has no {', '.join(missing)}.",
            hint="lra.managed has ManagedBackendProtocol and ManagedRuntimeProtocol, which say what a backend has.",
        )
    return backend  # type: ignore[no-any-return]


async def _next(stream: AsyncIterator[str]) -> str | None:
    return await anext(stream, None)


async def _end(stream: AsyncIterator[str]) -> None:
    await stream.aclose()  # type: ignore[attr-defined]
