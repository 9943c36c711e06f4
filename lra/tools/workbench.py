"""The sandbox of a session: made when code is first run, and found again when the session is resumed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from lra.tools.kept import Kept
from sandbox.client import Client, SandboxError, connect, likely

Listing = dict[str, tuple[int, float]]
"""Size and time of change by path."""

KEPT = "This is the sandbox of before: its names and files are still there."
LOST = "The sandbox of before has ended and this is a new one: earlier names and files are gone."


class Workshop:
    """Where the sandboxes of one process come from; nothing is loaded or asked before code is first run.

    Args:
        url: Where a sandbox service may answer; else sandboxes live in this process.
        api_key: The service's key.
        home: The data folder, where sessions' sandboxes are written down.
    """

    def __init__(self, url: str, api_key: str | None, home: Path) -> None:
        self.url = url
        self.home = home
        self._api_key = api_key
        self._client: Client | None = None
        self._opening = asyncio.Lock()

    async def client(self) -> Client:
        """Return the client, connected on first use.

        Raises:
            SandboxError: The service refuses the key.
        """
        async with self._opening:
            if self._client is None:
                self._client = await connect(self.url, self._api_key)
            return self._client

    async def close(self) -> None:
        """Let go; sandboxes in this process end, those of a service stay until they were idle for too long."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


class Workbench:
    """One session's sandbox.

    Args:
        workshop: Where it comes from.
        session_id: The session.
    """

    def __init__(self, workshop: Workshop, session_id: str) -> None:
        self._workshop = workshop
        self._session = session_id
        self._kept = Kept(workshop.home, session_id)
        self._options: dict[str, Any] = {}
        self._id: str | None = None
        self._known = False
        """Whether what was kept has been looked at."""
        self._making = asyncio.Lock()
        self._news = ""
        self._listing: Listing = {}

    async def ready(self) -> tuple[Client, str]:
        """Return the client and the sandbox's id; a sandbox that has ended is replaced by one like it.

        Raises:
            SandboxError: There is none and none can be made.
        """
        async with self._making:
            client = await self._workshop.client()
            if not await self._find(client):
                await self._make(client)
            assert self._id is not None
            return client, self._id

    async def present(self) -> tuple[Client, str] | None:
        """Return the client and the id of the sandbox there is, or None; none is made.

        Raises:
            SandboxError: The service refuses the key.
        """
        async with self._making:
            if self._id is None and not self._known and not await asyncio.to_thread(self._kept.read):
                return None
            client = await self._workshop.client()
            return (client, self._id) if await self._find(client) and self._id else None

    async def replace(self, options: dict[str, Any]) -> dict[str, Any]:
        """Make a sandbox with other options, in place of the present one; that one stays when this fails.

        Args:
            options: What `sandbox.client.Client.create` takes.

        Raises:
            SandboxError: It cannot be made.
        """
        async with self._making:
            client = await self._workshop.client()
            before = self._id if await self._find(client) else None
            self._news = ""
            self._options, earlier = options, self._options
            try:
                made = await self._make(client)
            except SandboxError:
                self._options = earlier
                raise
            self._news = ""
            if before is not None:
                with suppress(SandboxError):
                    await client.delete(before)
            return made

    def news(self) -> str:
        """Return what has to be known since the last time: whether names and files were kept or lost."""
        news, self._news = self._news, ""
        return news

    async def changed(self) -> list[dict[str, Any]]:
        """Return the files that are new or different since the last time, by path; hidden ones are left out.

        Raises:
            SandboxError: The sandbox has ended.
        """
        client, sandbox_id = await self.ready()
        before, self._listing = self._listing, await self._list(client, sandbox_id)
        return [
            {"path": path, "size": look[0]}
            for path, look in self._listing.items()
            if before.get(path) != look and not _hidden(path)
        ]

    async def _find(self, client: Client) -> bool:
        """Whether the session's sandbox is still there, the one of an earlier process included."""
        if self._id is not None:
            if await client.take_over(self._id):
                return True
            self._id, self._news = None, LOST
            return False
        if self._known:
            return False
        self._known = True
        kept = str((await asyncio.to_thread(self._kept.read)).get("sandbox") or "")
        if not kept:
            return False
        with suppress(SandboxError):
            if await client.take_over(kept):
                self._listing = await self._list(client, kept)
                self._id, self._news = kept, KEPT
                return True
        self._news = LOST
        return False

    async def _make(self, client: Client) -> dict[str, Any]:
        made = await client.create(metadata={"session": self._session}, **self._options)
        self._id, self._known, self._listing = str(made["id"]), True, {}
        await asyncio.to_thread(self._kept.write, {"sandbox": self._id})
        return made

    async def _list(self, client: Client, sandbox_id: str) -> Listing:
        found = await client.list_files(sandbox_id, recursive=True)
        return {
            each["path"]: (int(each["size"]), float(each["modified"]))
            for each in found["entries"]
            if each["type"] == "file"
        }


def _hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))


async def find_workbench(workshop: Workshop, session_id: str) -> Workbench | None:
    """Return a session's workbench where code can probably be run, else None. Costs nothing.

    Args:
        workshop: Where sandboxes come from.
        session_id: The session.
    """
    missing = await asyncio.to_thread(likely, workshop.url)
    return Workbench(workshop, session_id) if missing is None else None
