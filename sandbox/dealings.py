"""What can be done with a sandbox once it is found; its life is the manager's."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from sandbox.instance import Event, Sandbox
from sandbox.metrics import Metrics


class Dealings:
    """The part of a `sandbox.client.Client` that needs no more than a sandbox."""

    metrics: Metrics

    def _find(self, sandbox_id: str) -> Sandbox:
        raise NotImplementedError

    async def execute(
        self, sandbox_id: str, code: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run code and yield what happens; see `Sandbox.execute`."""
        run = self._counted("cell", self._find(sandbox_id).execute(code, timeout, stdin))
        async with contextlib.aclosing(run) as events:
            async for event in events:
                yield event

    async def command(
        self, sandbox_id: str, command: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run a shell command and yield what happens; see `Sandbox.command`."""
        run = self._counted("command", self._find(sandbox_id).command(command, timeout, stdin))
        async with contextlib.aclosing(run) as events:
            async for event in events:
                yield event

    async def interrupt(self, sandbox_id: str) -> None:
        """Interrupt the cell that runs."""
        await self._find(sandbox_id).ask("interrupt")

    async def restart(self, sandbox_id: str) -> None:
        """Give a sandbox a new kernel; its files stay."""
        await self._find(sandbox_id).ask("restart")

    async def pause(self, sandbox_id: str) -> None:
        """Stop every process in a sandbox; it keeps what it has and uses no processor."""
        await self._find(sandbox_id).pause()

    async def resume(self, sandbox_id: str) -> None:
        """Let a paused sandbox go on."""
        await self._find(sandbox_id).resume()

    async def add_packages(self, sandbox_id: str, packages: dict[str, list[str]]) -> list[str]:
        """Add Python packages to a sandbox that is there; return the files they came in."""
        from sandbox.wheels import install

        return await install(self._find(sandbox_id), packages)

    async def list_packages(self, sandbox_id: str) -> list[dict[str, str]]:
        """Return name and version of every Python package in a sandbox."""
        from sandbox.wheels import installed

        return await installed(self._find(sandbox_id))

    async def read(self, sandbox_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces."""
        async for piece in self._find(sandbox_id).read(path):
            yield piece

    async def write(self, sandbox_id: str, path: str, data: bytes | AsyncIterable[bytes]) -> int:
        """Write a file, with the folders it lies in; return its size."""
        return await self._find(sandbox_id).write(path, data)

    async def read_folder(self, sandbox_id: str, path: str = ".") -> AsyncGenerator[bytes, None]:
        """Yield a folder as a tar archive, in pieces."""
        from sandbox.archive import pack

        async with contextlib.aclosing(pack(self._find(sandbox_id), path)) as pieces:
            async for piece in pieces:
                yield piece

    async def write_folder(self, sandbox_id: str, path: str, data: AsyncIterable[bytes]) -> int:
        """Write the files of a tar archive into a folder; return how many they were."""
        from sandbox.archive import unpack

        return await unpack(self._find(sandbox_id), path, data)

    async def list_files(self, sandbox_id: str, path: str = ".", *, recursive: bool = False) -> dict[str, Any]:
        """Return the entries of a folder."""
        answer = await self._find(sandbox_id).ask("list", path=path, recursive=recursive)
        return {"entries": answer["entries"], "complete": answer["complete"]}

    async def make_folder(self, sandbox_id: str, path: str) -> None:
        """Make a folder, with those it lies in."""
        await self._find(sandbox_id).ask("mkdir", path=path)

    async def remove(self, sandbox_id: str, path: str, *, recursive: bool = False) -> None:
        """Remove a file or a folder."""
        await self._find(sandbox_id).ask("remove", path=path, recursive=recursive)

    async def logs(self, sandbox_id: str) -> str:
        """Return the last of what the guest itself said."""
        return await self._find(sandbox_id).box.logs()

    async def _counted(self, what: str, events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
        started, status = time.monotonic(), "left"
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if event.get("event") == "done":
                        status = str(event.get("status"))
                    yield event
        except BaseException as error:
            status = getattr(error, "kind", status)
            raise
        finally:
            self.metrics.count("calls_total", kind=what, status=status)
            self.metrics.time("call_seconds", time.monotonic() - started, kind=what)
