"""The sandbox of a session: made when code is first run, ended with the session."""

from __future__ import annotations

import asyncio

from lra.config import Settings
from sandbox.client import Client, SandboxError, connect


class Workbench:
    """One sandbox for as long as a session is open.

    Args:
        url: Where a sandbox service may answer; else the sandbox lives in this process.
        api_key: The service's key.
        label: What the sandbox is for, shown where sandboxes are listed.
    """

    def __init__(self, url: str, api_key: str | None, label: str) -> None:
        self._url = url
        self._api_key = api_key
        self._label = label
        self._client: Client | None = None
        self._id: str | None = None
        self._opening = asyncio.Lock()
        self._had_one = False
        self._fresh = False

    async def works(self) -> str | None:
        """Return why no code can be run here, or None when it can."""
        try:
            async with self._opening:
                client = await self._connect()
            health = await client.health()
        except SandboxError as error:
            return error.message
        return None if health["ready"] else str(health["problem"])

    async def ready(self) -> tuple[Client, str]:
        """Return the client and the sandbox's id; a sandbox that has ended is replaced.

        Raises:
            SandboxError: There is none and none can be made.
        """
        async with self._opening:
            client = await self._connect()
            if self._id is not None and not await self._is_there(client, self._id):
                self._id = None
            if self._id is None:
                self._id = (await client.create(metadata={"session": self._label}))["id"]
                self._fresh, self._had_one = self._had_one, True
            return client, self._id

    def news(self) -> dict[str, str]:
        """Return what the model has to know since the last time: that names and files were lost."""
        fresh, self._fresh = self._fresh, False
        if not fresh:
            return {}
        return {"note": "The sandbox had ended and this is a new one: earlier names and files are gone."}

    def lost(self) -> None:
        """Notice that the sandbox could not be used: the next call looks whether it is still there."""
        self._fresh = False

    async def close(self) -> None:
        """End the sandbox."""
        client, self._client, sandbox_id, self._id = self._client, None, self._id, None
        if client is None:
            return
        try:
            if sandbox_id is not None:
                await client.delete(sandbox_id)
        except SandboxError:
            pass  # it has ended already, or the service has: its lease ends it
        finally:
            await client.close()

    async def _connect(self) -> Client:
        if self._client is None:
            self._client = await connect(self._url, self._api_key)
        return self._client

    async def _is_there(self, client: Client, sandbox_id: str) -> bool:
        try:
            return str((await client.get(sandbox_id))["status"]) != "ended"
        except SandboxError:
            return False


async def find_workbench(settings: Settings, label: str) -> Workbench | None:
    """Return a workbench when code can be run here, else None.

    Args:
        settings: Where a service may be.
        label: What the sandbox is for.
    """
    bench = Workbench(settings.sandbox_url, settings.sandbox_api_key, label)
    if await bench.works() is None:
        return bench
    await bench.close()
    return None
