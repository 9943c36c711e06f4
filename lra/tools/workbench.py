"""The sandbox of a session: made when code is first run, and found again when the session is resumed."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from lra.errors import LraError, UnavailableError
from lra.tools.kept import Kept
from lra.tools.workshop import Workshop
from sandbox.client import Client, SandboxError, likely

if TYPE_CHECKING:
    from lra.tools.workspace import Review, Workspace
    from lra.tools.workspace_changes import Change

Listing = dict[str, tuple[int, float]]
"""Size and time of change by path."""

_T = TypeVar("_T")

KEPT = "This is the sandbox of before: its names and files are still there."
LOST = "The sandbox of before has ended and this is a new one: earlier names and files are gone."


class Workbench:
    """One session's sandbox.

    Args:
        workshop: Where it comes from.
        session_id: The session.
        options: What its sandbox is made with; see `sandbox.client.Client.create`.
    """

    def __init__(self, workshop: Workshop, session_id: str, options: Mapping[str, Any] | None = None) -> None:
        self._workshop = workshop
        self.home = workshop.home
        self._session = session_id
        self._kept = Kept(workshop.home, session_id)
        self._options: dict[str, Any] = dict(options or {})
        self._made_with = _fingerprint(session_id, options) if options else ""
        """What has to fit of a sandbox of before, which may have been made otherwise."""
        self._id: str | None = None
        self._known = False
        """Whether what was kept has been looked at."""
        self._making = asyncio.Lock()
        self._news = ""
        self._notes: list[str] = []
        self._listing: Listing = {}
        self.workspace = _workspace(workshop)
        self._used = False
        """Whether it was used since the person's folder was last looked at."""

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
            if not self._used:
                await self._refresh(client, self._id)
                self._used = True
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
                made = await self._make(client, before)
            except SandboxError:
                self._options = earlier
                raise
            self._news = ""
            if before is not None:
                with suppress(SandboxError):
                    await client.delete(before)
            return made

    def listen(self, listener: Callable[[str], None]) -> None:
        """Tell this listener from now on what takes long.

        Args:
            listener: Called on the event loop with a line.
        """
        self._workshop.listener = listener

    def new_turn(self) -> None:
        """Look again at the person's folder before the next use."""
        self._used = False

    async def review(self) -> Review | None:
        """Return what changed in the copy of the person's folder, or None where nothing can have.

        Raises:
            SandboxError: The sandbox has ended.
        """
        if self.workspace is None or not self.workspace.writable or not self._used or self._id is None:
            return None
        return await self.workspace.review(await self._workshop.client(), self._id)

    async def all_changes(self) -> Review | None:
        """Return all that is different in the copy of the person's folder, also what was turned down; None without one.

        Raises:
            SandboxError: The sandbox has ended.
        """
        present = await self.present()
        if self.workspace is None or present is None:
            return None
        return await self.workspace.review(*present, refused=True)

    async def take_back(self, changes: list[Change]) -> list[str]:
        """Write changes to the person's folder; return what could not be written.

        Args:
            changes: What was agreed to.

        Raises:
            SandboxError: The sandbox has ended.
        """
        assert self.workspace is not None
        assert self._id is not None
        problems = await self.workspace.apply(await self._workshop.client(), self._id, changes)
        await self._write_down()
        return problems

    async def refuse(self, changes: list[Change], why: str) -> None:
        """Keep changes in the sandbox, and let the model know with its next call.

        Args:
            changes: What was turned down.
            why: A sentence for the model.
        """
        assert self.workspace is not None
        self.workspace.refuse(changes)
        self._notes.append(why)
        await self._write_down()

    def note(self, text: str) -> None:
        """Let the model know something with its next call.

        Args:
            text: A sentence.
        """
        self._notes.append(text)

    def notes(self) -> list[str]:
        """Return what the model alone has to know since the last time."""
        notes, self._notes = self._notes, []
        return notes

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

    async def keep_figures(self, figures: list[tuple[str, bytes]]) -> list[dict[str, Any]]:
        """Write pictures that code has shown as files of the sandbox, and return their paths and sizes.

        Args:
            figures: What each file is to end in, and what it holds.

        Raises:
            SandboxError: The sandbox has ended, or is full.
        """
        if not figures:
            return []
        client, sandbox_id = await self.ready()
        # Among the files of a person's folder they would look like changes to it.
        folder = ".output/" if self.workspace is not None and self.workspace.writable else ""
        there, number, kept = await self._list(client, sandbox_id), 0, list[dict[str, Any]]()
        taken = {path.rpartition(".")[0] for path in there}
        for ending, data in figures:
            number += 1
            while f"{folder}figure-{number}" in taken:
                number += 1
            path = f"{folder}figure-{number}.{ending}"
            kept.append({"path": path, "size": await client.write(sandbox_id, path, data)})
        return kept

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
        written = await asyncio.to_thread(self._kept.read)
        kept = str(written.get("sandbox") or "")
        if not kept or written.get("made_with", "") != self._made_with:
            return False
        with suppress(SandboxError):
            same = self.workspace is None or self.workspace.take(written.get("workspace"))
            if same and await client.take_over(kept):
                self._listing = await self._list(client, kept)
                self._id, self._news = kept, KEPT
                return True
        self._news = LOST
        return False

    async def _make(self, client: Client, before: str | None = None) -> dict[str, Any]:
        options = self._options
        if self.workspace is not None:
            options = options | {"limits": await self._asked(self.workspace.limits())}
        made = await client.create(metadata={"session": self._session}, **options)
        sandbox_id = str(made["id"])
        if self.workspace is not None:
            try:
                if before is None:
                    await self._asked(self.workspace.fill(client, sandbox_id))
                else:
                    await self._asked(self.workspace.carry(client, before, sandbox_id))
            except BaseException:
                with suppress(SandboxError):
                    await client.delete(sandbox_id)
                raise
        self._id, self._known, self._used = sandbox_id, True, True
        self._listing = {} if self.workspace is None else await self._list(client, sandbox_id)
        await self._write_down()
        return made

    async def _refresh(self, client: Client, sandbox_id: str) -> None:
        if self.workspace is None:
            return
        for path in await self._asked(self.workspace.refresh(client, sandbox_id)):
            self._notes.append(f"{path} was changed both here and by the person meanwhile: theirs stays as it is.")
        self._listing = await self._list(client, sandbox_id)

    async def _asked(self, work: Awaitable[_T]) -> _T:
        """Have what is wrong with the person's folder told like what is wrong with the sandbox."""
        try:
            return await work
        except LraError as error:
            raise SandboxError(str(error)) from None

    async def _write_down(self) -> None:
        folder = {} if self.workspace is None else {"workspace": self.workspace.to_dict()}
        made_with = {"made_with": self._made_with} if self._made_with else {}
        await asyncio.to_thread(self._kept.write, {"sandbox": self._id, **made_with, **folder})

    async def _list(self, client: Client, sandbox_id: str) -> Listing:
        found = await client.list_files(sandbox_id, recursive=True)
        # Of more than can be listed at once nobody can say what is new.
        return {
            each["path"]: (int(each["size"]), float(each["modified"]))
            for each in found["entries"]
            if each["type"] == "file" and found["complete"]
        }


def _workspace(workshop: Workshop) -> Workspace | None:
    if workshop.workspace is None:
        return None
    from lra.tools.workspace import Workspace

    root, writable = workshop.workspace
    return Workspace(root, writable=writable)


def _fingerprint(session_id: str, options: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([session_id, options], sort_keys=True, default=str).encode()).hexdigest()


def _hidden(path: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.split("/"))


async def find_workbench(workshop: Workshop, session_id: str) -> Workbench | None:
    """Return a session's workbench where code can probably be run, else None. Costs nothing.

    Args:
        workshop: Where sandboxes come from.
        session_id: The session.

    Raises:
        UnavailableError: There is a folder to work on, and nothing to do it in.
    """
    missing = await asyncio.to_thread(likely, workshop.url)
    if missing is not None and workshop.workspace is not None:
        raise UnavailableError(missing, hint="Leave out --workspace to chat without it.")
    return Workbench(workshop, session_id) if missing is None else None


__all__ = ["KEPT", "LOST", "Workbench", "Workshop", "find_workbench"]
