"""One container that runs, as the manager sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from typing import TYPE_CHECKING

from sandbox.egress import EgressProxy
from sandbox.errors import GoneError, UnavailableError
from sandbox.providers.base import State
from sandbox.providers.docker.container import container_name
from sandbox.providers.docker.engine import remove, whole

if TYPE_CHECKING:
    from docker import DockerClient

_READY_SECONDS = 30.0


class DockerBox:
    """One container.

    Args:
        client: The engine it is at.
        sandbox_id: Whose container it is.
        folder: Where its sockets are, or None when frames go over attached streams.
        proxy: Its way to allowed hosts.
        allowed: Its allowed hosts, when the proxy is made later.
    """

    def __init__(
        self,
        client: DockerClient,
        sandbox_id: str,
        folder: str | None,
        proxy: EgressProxy | None,
        *,
        allowed: tuple[str, ...] = (),
    ) -> None:
        self._client = client
        self._folder = folder
        self.sandbox_id = sandbox_id
        self.proxy = proxy
        self.allowed = proxy.entries if proxy else allowed
        self.container = container_name(sandbox_id)
        self.attached: tuple[StreamReader, StreamWriter] | None = None

    @property
    def folder(self) -> str:
        """The folder of its sockets."""
        assert self._folder is not None
        return self._folder

    @property
    def state(self) -> State:
        """What finds it again."""
        return {
            "id": self.sandbox_id,
            "folder": self._folder,
            "allowed": list(self.allowed) if self.proxy is not None else None,
        }

    async def ready(self) -> None:
        """Wait until the guest listens, and take the folder away from whatever runs inside."""
        path = os.path.join(self.folder, "guest.sock")
        loop = asyncio.get_running_loop()
        end = loop.time() + _READY_SECONDS
        pause = 0.002
        while not await asyncio.to_thread(_listens, path):
            if loop.time() > end or (pause > 0.1 and not await self.alive()):
                raise UnavailableError("The container ended before its kernel was ready.")
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 0.2)
        # From here on nobody inside can put another socket in the place of the guest's.
        await asyncio.to_thread(os.chmod, self.folder, 0o755)

    async def connect(self) -> tuple[StreamReader, StreamWriter]:
        """Open a connection to the guest.

        Raises:
            GoneError: The container has ended.
        """
        if self._folder is None:
            if self.attached is None:
                raise GoneError("The connection to the sandbox broke, and its engine is not on this machine.")
            streams, self.attached = self.attached, None
            return streams
        try:
            return await asyncio.open_unix_connection(os.path.join(self._folder, "guest.sock"), limit=1 << 20)
        except OSError:
            raise GoneError("The sandbox has ended.") from None

    async def kill(self) -> None:
        """Remove the container, and what belonged to it here; may be done again.

        Raises:
            UnavailableError: The engine does not answer.
        """
        from docker.errors import DockerException

        try:
            with contextlib.suppress(DockerException):
                await whole(remove, self._client, self.container)
        finally:
            # Also where the engine does not answer: nobody is to reach what is to end.
            if self.proxy is not None:
                await self.proxy.close()
            if self.attached is not None:
                self.attached[1].close()
            if self._folder is not None:
                await whole(shutil.rmtree, self._folder, True)

    async def pause(self) -> None:
        """Freeze it."""
        await self._engine_does(self._client.api.pause)

    async def resume(self) -> None:
        """Thaw it."""
        await self._engine_does(self._client.api.unpause)

    async def alive(self) -> bool:
        """Whether it runs, frozen or not."""
        from docker.errors import NotFound

        try:
            found = await whole(self._client.api.inspect_container, self.container)
        except NotFound:
            return False
        return bool(found["State"]["Running"])

    async def logs(self) -> str:
        """Return the last lines that the guest wrote."""
        from docker.errors import DockerException

        try:
            text: bytes = await whole(self._client.api.logs, self.container, tail=200)
        except DockerException:
            return ""
        return text.decode("utf-8", "replace")

    async def _engine_does(self, function: Callable[[str], object]) -> None:
        from docker.errors import APIError, NotFound

        try:
            await whole(function, self.container)
        except NotFound:
            raise GoneError("The sandbox has ended.") from None
        except APIError as error:
            # What is already so is well.
            if "already paused" not in str(error) and "not paused" not in str(error):
                raise


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
