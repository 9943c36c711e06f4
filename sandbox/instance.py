"""One sandbox as its manager holds it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from sandbox.errors import ConflictError, InvalidError
from sandbox.guest.protocol import CHUNK
from sandbox.link import Link
from sandbox.providers.base import Box, Spec

Event = dict[str, Any]
_LADDER_SECONDS = 35.0
"""Beyond its time a call may take this long to be ended inside (a kernel's birth included)."""
_MOST_CODE = 1_000_000
_MOST_SECONDS = 86_400.0


class Sandbox:
    """A guest, the connection to it, and when it was last used.

    Args:
        spec: What it was made with.
        box: The guest.
        link: The connection.
        provider: Name of the provider.
        created: When, in seconds of the epoch.
        key_hash: Of the key that opens this sandbox alone; empty when there is none.
    """

    def __init__(self, spec: Spec, box: Box, link: Link, *, provider: str, created: float, key_hash: str = "") -> None:
        self.spec = spec
        self.box = box
        self.provider = provider
        self.created = created
        self._link = link
        self._used = time.monotonic()
        self._running = 0
        self.key_hash = key_hash
        self.paused = bool(link.hello.get("paused"))
        self._cell = asyncio.Lock()

    def info(self) -> dict[str, Any]:
        """Return its public form."""
        spec = self.spec
        return {
            "id": spec.sandbox_id,
            "language": spec.language,
            "provider": self.provider,
            "status": self.status,
            "created_at": self.created,
            "idle_seconds": spec.idle_seconds,
            "lifetime_seconds": spec.lifetime_seconds,
            "network": spec.network,
            "allowed_hosts": list(spec.allowed_hosts),
            "packages": {name: list(each) for name, each in spec.packages.items()},
            "metadata": dict(spec.metadata),
            "workspace": spec.workspace,
        }

    @property
    def status(self) -> str:
        """One of ended, paused, busy and idle."""
        if self._link.closed:
            return "ended"
        return "paused" if self.paused else "busy" if self._running else "idle"

    @property
    def hello(self) -> dict[str, Any]:
        """What the guest said of itself."""
        return self._link.hello

    @property
    def running(self) -> int:
        """How many cells and commands run."""
        return self._running

    def expired(self) -> str | None:
        """Return why it is over: lost, idle or old; None when it is not."""
        if self._link.closed:
            return "lost"
        if time.time() - self.created > self.spec.lifetime_seconds:
            return "old"
        idle = not self._running and not self.paused and time.monotonic() - self._used > self.spec.idle_seconds
        return "idle" if idle else None

    async def pause(self) -> None:
        """Stop every process in it, until `resume`; meanwhile it does not end for being idle."""
        await self.ask("pause")
        self.paused = True

    async def resume(self) -> None:
        """Let its processes go on."""
        await self.ask("resume")
        self.paused = False

    async def let_go(self) -> None:
        """Hang up and leave it running: it is somebody else's."""
        await self._link.close()

    async def end(self) -> None:
        """End it."""
        await self._link.close()
        await self.box.kill()

    async def execute(self, code: str, timeout: float | None, stdin: str) -> AsyncGenerator[Event, None]:
        """Run code in the kernel and yield stdout, stderr, display and result events, then `done`.

        Args:
            code: The source; in a sandbox of language shell, a command.
            timeout: Seconds; the sandbox's own limit by default.
            stdin: What `input()` reads.

        Raises:
            SandboxError: It could not be run; what the code itself does wrong is in `done`.
        """
        if self.spec.language == "shell":
            run = self.command(code, timeout, stdin)
        else:
            run = self._python(code, timeout, stdin)
        async with contextlib.aclosing(run) as events:
            async for event in events:
                yield event

    async def command(self, command: str, timeout: float | None, stdin: str) -> AsyncGenerator[Event, None]:
        """Run a shell command in the workspace and yield stdout and stderr events, then `done`.

        Args:
            command: What the shell is given.
            timeout: Seconds; the sandbox's own limit by default.
            stdin: What it reads.
        """
        async with contextlib.aclosing(self._run("command", timeout, command=_text(command), stdin=stdin)) as events:
            async for event in events:
                yield event

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Make a short request to the guest.

        Args:
            op: What to do.
            **fields: Its arguments.
        """
        self._used = time.monotonic()
        answer, _ = await self._link.ask(op, **fields)
        return answer

    async def read(self, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces.

        Args:
            path: Where it is in the workspace.
        """
        offset = 0
        while True:
            self._used = time.monotonic()
            answer, data = await self._link.ask("read", path=path, offset=offset, length=CHUNK)
            yield data or b""
            offset += len(data or b"")
            if answer.get("eof"):
                return

    async def write(self, path: str, data: bytes | AsyncIterable[bytes]) -> int:
        """Write a file; return its size.

        Args:
            path: Where it goes in the workspace.
            data: What it holds.
        """
        offset = 0
        pieces = _pieces(data) if isinstance(data, bytes) else data
        async for piece in pieces:
            for at in range(0, len(piece), CHUNK):
                offset = await self._write_at(path, offset, piece[at : at + CHUNK])
        # Also an empty file is written.
        return offset or await self._write_at(path, 0, b"")

    async def _write_at(self, path: str, offset: int, piece: bytes) -> int:
        self._used = time.monotonic()
        answer, _ = await self._link.ask("write", blob=piece, path=path, offset=offset)
        return int(answer["size"])

    async def _python(self, code: str, timeout: float | None, stdin: str) -> AsyncGenerator[Event, None]:
        if self._cell.locked():
            raise ConflictError("Another cell is running in this sandbox: wait for it, or interrupt it.")
        async with self._cell, contextlib.aclosing(self._run("execute", timeout, code=_text(code), stdin=stdin)) as run:
            async for event in run:
                yield event

    async def _run(self, op: str, timeout: float | None, **fields: Any) -> AsyncGenerator[Event, None]:
        seconds = self.spec.limits.wall_seconds if timeout is None else timeout
        if not 0 < seconds <= _MOST_SECONDS:
            raise InvalidError(f"A timeout is more than 0 and at most {_MOST_SECONDS:.0f} seconds.")
        self._running += 1
        try:
            async with contextlib.aclosing(self._link.call(op, timeout=seconds, **fields)) as events:
                until = asyncio.get_running_loop().time() + seconds + _LADDER_SECONDS
                while True:
                    try:
                        # Only the wait for the guest counts, not what the reader does between.
                        async with asyncio.timeout_at(max(until, asyncio.get_running_loop().time() + 1)):
                            message, _ = await anext(events)
                    except StopAsyncIteration:
                        return
                    except TimeoutError:
                        # The last rung: the guest itself does not answer.
                        await self.end()
                        yield {"event": "done", "status": "timeout", "rung": "container", "state": False, "exit": None}
                        return
                    yield {name: value for name, value in message.items() if name != "id"}
        finally:
            self._running -= 1
            self._used = time.monotonic()


async def _pieces(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data


def _text(code: str) -> str:
    if len(code) > _MOST_CODE:
        raise InvalidError(f"Code is at most {_MOST_CODE:,} characters; write more into a file.")
    return code


__all__ = ["Event", "Sandbox"]
