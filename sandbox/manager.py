"""Sandboxes and their life: made, used, ended when idle or old, and taken over after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from sandbox import records
from sandbox.errors import GoneError, LimitError, NotFoundError, SandboxError, UnavailableError
from sandbox.instance import Event, Sandbox
from sandbox.link import Link
from sandbox.options import read_options
from sandbox.providers.base import Box, Provider, Spec
from sandbox.providers.registry import choose, load

_SWEEP_SECONDS = 1.0
_MOST = 64


class Manager:
    """Every sandbox of one process. It is itself a client (`sandbox.client.Client`).

    Args:
        provider: Name of a provider, or `auto`; or a provider, which is used without trying it first.
        lasting: Whether sandboxes outlive this process for the time of their lease, for a later manager to adopt.
        most: How many sandboxes there may be at once.
        adopting: Whether to take over what a dead owner left when it opens; else one by one, with `take_over`.
    """

    def __init__(
        self,
        provider: str | Provider = "auto",
        *,
        lasting: bool = False,
        most: int = _MOST,
        adopting: bool | None = None,
    ) -> None:
        self._wanted = provider if isinstance(provider, str) else provider.name
        self._lasting = lasting
        self._adopting = lasting if adopting is None else adopting
        self._most = most
        self._provider: Provider | None = None if isinstance(provider, str) else provider
        self._choosing = asyncio.Lock()
        self._sandboxes: dict[str, Sandbox] = {}
        self._starting = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._me = (os.getpid(), "")

    async def open(self) -> list[str]:
        """Begin: adopt what a dead owner left, end what cannot be adopted; return the adopted ids."""
        self._me = (os.getpid(), await asyncio.to_thread(records.started, os.getpid()))
        adopted: list[str] = await self._adopt() if self._adopting else []
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        return adopted

    async def provider(self) -> Provider:
        """Return the provider, chosen on first use.

        Raises:
            UnavailableError: None works here.
        """
        async with self._choosing:
            if self._provider is None:
                self._provider = await choose(self._wanted)
            return self._provider

    async def close(self) -> None:
        """End every sandbox, and this."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
            self._sweeper = None
        await asyncio.gather(*(self._end(each) for each in list(self._sandboxes.values())))

    async def health(self) -> dict[str, Any]:
        """Return whether sandboxes can be made, and how many there are."""
        try:
            name, problem = (await self.provider()).name, None
        except SandboxError as error:
            name, problem = None, error.message
        return {"ready": problem is None, "provider": name, "problem": problem, "sandboxes": len(self._sandboxes)}

    async def create(self, **options: Any) -> dict[str, Any]:
        """Make a sandbox and return what it is.

        Args:
            **options: Fields of `sandbox.options.OPTIONS`.

        Raises:
            SandboxError: The options are wrong, a limit is reached, or no provider works.
        """
        spec = read_options(options)
        if len(self._sandboxes) + self._starting >= self._most:
            raise LimitError(f"There are {self._most} sandboxes already: stop one first.")
        self._starting += 1
        try:
            provider, box = await self._start(spec)
            try:
                link = await Link.open(box, spec)
                sandbox = Sandbox(spec, box, link, provider=provider.name, created=time.time())
                await self._note(sandbox)
            except BaseException:
                await box.kill()
                raise
        finally:
            self._starting -= 1
        self._sandboxes[spec.sandbox_id] = sandbox
        if self._sweeper is None:
            await self.open()
        return sandbox.info()

    async def list_sandboxes(self) -> list[dict[str, Any]]:
        """Return what there is, oldest first."""
        return [each.info() for each in sorted(self._sandboxes.values(), key=lambda each: each.created)]

    async def get(self, sandbox_id: str) -> dict[str, Any]:
        """Return one sandbox."""
        return self._find(sandbox_id).info()

    async def delete(self, sandbox_id: str) -> None:
        """End one sandbox."""
        await self._end(self._find(sandbox_id))

    async def execute(
        self, sandbox_id: str, code: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run code and yield what happens; see `Sandbox.execute`."""
        async with contextlib.aclosing(self._find(sandbox_id).execute(code, timeout, stdin)) as events:
            async for event in events:
                yield event

    async def command(
        self, sandbox_id: str, command: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run a shell command and yield what happens; see `Sandbox.command`."""
        async with contextlib.aclosing(self._find(sandbox_id).command(command, timeout, stdin)) as events:
            async for event in events:
                yield event

    async def interrupt(self, sandbox_id: str) -> None:
        """Interrupt the cell that runs."""
        await self._find(sandbox_id).ask("interrupt")

    async def restart(self, sandbox_id: str) -> None:
        """Give a sandbox a new kernel; its files stay."""
        await self._find(sandbox_id).ask("restart")

    async def read(self, sandbox_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces."""
        async for piece in self._find(sandbox_id).read(path):
            yield piece

    async def write(self, sandbox_id: str, path: str, data: bytes | AsyncIterable[bytes]) -> int:
        """Write a file, with the folders it lies in; return its size."""
        return await self._find(sandbox_id).write(path, data)

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

    async def _start(self, spec: Spec) -> tuple[Provider, Box]:
        provider = await self.provider()
        try:
            return provider, await provider.start(spec)
        except UnavailableError as error:
            # It looked well and is not, as an engine that can build no image: the next one may be.
            if self._wanted != "auto":
                raise
            try:
                other = await choose("auto", without=provider.name)
            except UnavailableError:
                raise error from None
            self._provider = other
            return other, await other.start(spec)

    def _find(self, sandbox_id: str) -> Sandbox:
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise NotFoundError(f"There is no sandbox {sandbox_id}.")
        return sandbox

    async def _end(self, sandbox: Sandbox) -> None:
        self._sandboxes.pop(sandbox.spec.sandbox_id, None)
        await sandbox.end()
        await asyncio.to_thread(records.remove, sandbox.spec.sandbox_id)

    async def _note(self, sandbox: Sandbox) -> None:
        if not self._me[1]:
            self._me = (os.getpid(), await asyncio.to_thread(records.started, os.getpid()))
        record = records.Record(
            id=sandbox.spec.sandbox_id,
            provider=sandbox.provider,
            spec=sandbox.spec.to_dict(),
            state=sandbox.box.state,
            created=sandbox.created,
            owner=self._me[0],
            owner_started=self._me[1],
            lasting=self._lasting,
        )
        await asyncio.to_thread(records.write, record)

    async def _adopt(self) -> list[str]:
        found = await asyncio.to_thread(lambda: [each for each in records.everything() if not each.owned])
        adopted = []
        for record in found:
            if await self._adopt_one(record):
                adopted.append(record.id)
        return adopted

    async def take_over(self, sandbox_id: str) -> bool:
        """Adopt one sandbox whose owner has died; return whether it is there now.

        Args:
            sandbox_id: Which.
        """
        if (here := self._sandboxes.get(sandbox_id)) is not None:
            return str(here.info()["status"]) != "ended"
        found = await asyncio.to_thread(
            lambda: [each for each in records.everything() if each.id == sandbox_id and not each.owned]
        )
        if not found or not await self._adopt_one(found[0]):
            return False
        if self._sweeper is None:
            await self.open()
        return True

    async def _adopt_one(self, record: records.Record) -> bool:
        box = await self._box_of(record)
        if box is not None and record.lasting:
            spec = Spec.from_dict(record.spec)
            try:
                link = await Link.open(box, spec)
            except GoneError:
                link = None
            if link is not None:
                sandbox = Sandbox(spec, box, link, provider=record.provider, created=record.created)
                self._sandboxes[record.id] = sandbox
                await self._note(sandbox)
                return True
        if box is not None:
            await box.kill()
        await asyncio.to_thread(records.remove, record.id)
        return False

    async def _box_of(self, record: records.Record) -> Box | None:
        try:
            provider = await asyncio.to_thread(load, record.provider)
            return await provider.adopt(record.state)
        except SandboxError:
            return None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for sandbox in list(self._sandboxes.values()):
                if sandbox.expired():
                    with contextlib.suppress(SandboxError, OSError):
                        await self._end(sandbox)
