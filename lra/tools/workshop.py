"""Where the sandboxes of one process come from: a service that answers, else this process itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from sandbox.client import Client, connect


class Workshop:
    """Where the sandboxes of one process come from; nothing is loaded or asked before code is first run.

    Args:
        url: Where a sandbox service may answer; else, or with None, sandboxes live in this process.
        api_key: The service's key.
        home: The data folder, where sessions' sandboxes are written down.
    """

    def __init__(self, url: str | None, api_key: str | None, home: Path) -> None:
        self.url = url
        self.home = home
        self.workspace: tuple[Path, bool] | None = None
        """The person's folder that sessions work on, and whether changes may go back to it."""
        self._api_key = api_key
        self._client: Client | None = None
        self._opening = asyncio.Lock()
        self.listener: Callable[[str], None] | None = None
        """Told what takes long, such as the building of an image."""

    async def client(self) -> Client:
        """Return the client, connected on first use.

        Raises:
            SandboxError: The service refuses the key.
        """
        async with self._opening:
            if self._client is None:
                loop = asyncio.get_running_loop()

                def progress(line: str) -> None:
                    loop.call_soon_threadsafe(self._told, line)

                self._client = await connect(self.url, self._api_key, progress)
            return self._client

    def _told(self, line: str) -> None:
        if self.listener is not None:
            self.listener(line)

    async def close(self) -> None:
        """Let go; sandboxes in this process end, those of a service stay until they were idle for too long."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()
