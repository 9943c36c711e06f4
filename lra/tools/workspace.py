"""A person's folder as a copy in the sandbox, and the way back: shown as one patch, written on a yes."""

from __future__ import annotations

import asyncio
import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lra.errors import UsageError
from lra.tools.workspace_box import LARGEST, Known, command, look, parcels, read, unpack, walk
from lra.tools.workspace_changes import Change, Root, digest, patch
from lra.tools.workspace_scan import Scan, ignored, is_secret, scan, usable
from sandbox.client import Client

_MOST = 100_000_000
_MANY = 2_000
_OURS = (".output/", ".packages/")
"""Where the sandbox keeps outputs that were too long, and packages."""


@dataclass(frozen=True, slots=True)
class Review:
    """What came out of the sandbox."""

    changes: list[Change]
    patch: str
    left: list[str]
    """Sentences about what changed and is not offered."""


class Workspace:
    """A folder that a session works on. See `folder_of`.

    Args:
        root: The folder, an absolute path without symbolic links in it.
        writable: Whether changes may go back.
    """

    def __init__(self, root: Path, *, writable: bool) -> None:
        self.root = root
        self.writable = writable
        self.secret: list[str] = []
        """Files that were not given, for what their names say."""
        self._known: dict[str, Known] = {}
        self._links: set[str] = set()
        self._refused: dict[str, str | None] = {}
        """Changes that were turned down, by path: they are not asked about again as they are."""

    async def limits(self) -> dict[str, int]:
        """Return what a sandbox needs to hold the folder, beside what it needs anyway."""
        found = await asyncio.to_thread(scan, self.root)
        megabytes = found.size // 1_000_000 + 1
        return {
            # Three quarters of it are the working directory.
            "disk_mb": 512 + 2 * megabytes,
            "memory_mb": 1024 + 2 * megabytes,
            "files": 20_000 + 2 * len(found.files),
        }

    async def fill(self, client: Client, sandbox_id: str) -> None:
        """Put the folder into a new sandbox.

        Raises:
            SandboxError: The sandbox takes it not.
            UsageError: The folder holds too much.
        """
        found = await asyncio.to_thread(scan, self.root)
        self.secret, self._known, self._links, self._refused = found.secret, {}, set(found.links), {}
        await self._send(client, sandbox_id, found, list(found.files))

    async def carry(self, client: Client, before: str, sandbox_id: str) -> None:
        """Put the folder into a new sandbox, with what was changed in the one before.

        Args:
            client: Who has both.
            before: The sandbox before.
            sandbox_id: The new one.

        Raises:
            SandboxError: One of them has ended, or the new one is too small.
            UsageError: The folder holds too much.
        """
        changes = (await self.review(client, before, refused=True)).changes
        refused = self._refused
        await self.fill(client, sandbox_id)
        self._refused = refused
        for change in changes:
            if change.after is None:
                await client.remove(sandbox_id, change.path)
        for change in changes:
            if change.after is not None:
                await client.write(sandbox_id, change.path, change.after)
                if change.executable:
                    await command(client, sandbox_id, f"chmod +x -- {shlex.quote(change.path)}")

    async def refresh(self, client: Client, sandbox_id: str) -> list[str]:
        """Give the sandbox what the person changed since; return the files that were changed on both sides.

        Raises:
            SandboxError: The sandbox has ended.
        """
        found = await asyncio.to_thread(scan, self.root)
        changed = [
            path
            for path, look in found.files.items()
            if path not in self._known
            or (self._known[path].size, self._known[path].changed) != (look.size, look.changed)
        ]
        gone = [path for path in self._known if path not in found.files]
        if not changed and not gone:
            return []
        there, _ = await walk(client, sandbox_id)
        clash = [path for path in (*changed, *gone) if self._touched(path, there)]
        await self._send(client, sandbox_id, found, [path for path in changed if path not in clash])
        for path in gone:
            if path not in clash:
                if path in there:
                    await client.remove(sandbox_id, path)
                del self._known[path]
        return clash

    def _touched(self, path: str, there: dict[str, dict[str, Any]]) -> bool:
        known = self._known.get(path)
        if known is None:
            return path in there
        return path not in there or known.there != look(there[path])

    async def _send(self, client: Client, sandbox_id: str, found: Scan, paths: list[str]) -> None:
        links = self._links if len(paths) == len(found.files) else set()
        packing = parcels(self.root, found, paths, {path: found.links[path] for path in links})
        number = 0
        while (parcel := await asyncio.to_thread(next, packing, None)) is not None:
            data, known = parcel
            number += 1
            await unpack(client, sandbox_id, data, number)
            self._known.update(known)
        if paths:
            there, _ = await walk(client, sandbox_id)
            for path in paths:
                if path in there and path in self._known:
                    known_one = self._known[path]
                    self._known[path] = Known(known_one.sha, known_one.size, known_one.changed, look(there[path]))

    async def review(self, client: Client, sandbox_id: str, *, refused: bool = False) -> Review:
        """Return what is different in the sandbox.

        Args:
            client: Who has the sandbox.
            sandbox_id: Which.
            refused: Whether with what was turned down as it is.

        Raises:
            SandboxError: The sandbox has ended.
        """
        there, complete = await walk(client, sandbox_id)
        differ = [
            path
            for path, entry in there.items()
            if entry["type"] == "file"
            and not path.startswith(_OURS)
            and (path not in self._known or self._known[path].there != look(entry))
        ]
        new = [path for path in differ if path not in self._known]
        dropped = await asyncio.to_thread(ignored, self.root, new)
        changes: list[Change] = []
        left = [] if complete else ["The sandbox holds more files than can be looked through; some are not shown."]
        total = 0
        for path in sorted(differ):
            if path in dropped:
                continue
            if not usable(path) or is_secret(path) or path in self._links:
                left.append(f"{path!a} stays in the sandbox: a file of this name is not taken from it.")
            elif there[path]["size"] > LARGEST or total > _MOST or len(changes) >= _MANY:
                left.append(f"{path} stays in the sandbox: it is too large to be shown. /save keeps it.")
            else:
                after = await read(client, sandbox_id, path)
                total += len(after)
                if change := await self._change(path, after, there[path], left):
                    changes.append(change)
        if complete:
            for path in list(self._known):
                kind = there[path]["type"] if path in there else "gone"
                if kind in {"link", "other"}:
                    left.append(f"{path} stays as it is: in the sandbox it is no file any more.")
                elif kind != "file" and (change := await self._change(path, None, {}, left)):
                    changes.append(change)
        if not refused:
            changes = [each for each in changes if self._refused.get(each.path, "") != _state(each)]
        return Review(changes, await asyncio.to_thread(patch, changes), left)

    async def _change(self, path: str, after: bytes | None, entry: dict[str, Any], left: list[str]) -> Change | None:
        known = self._known.get(path)
        sha = None if after is None else digest(after)
        if known is not None and sha == known.sha:
            return None
        before = await asyncio.to_thread(Root(self.root).read, path)
        if (None if before is None else digest(before)) != (known.sha if known else None):
            if before != after:
                left.append(f"{path} stays in the sandbox: you changed yours meanwhile.")
            return None
        return Change(path, before, after, bool(int(entry.get("mode", 0)) & 0o100))

    def refuse(self, changes: list[Change]) -> None:
        """Do not offer changes again as they are.

        Args:
            changes: What was turned down.
        """
        self._refused |= {each.path: _state(each) for each in changes}

    async def apply(self, client: Client, sandbox_id: str, changes: list[Change]) -> list[str]:
        """Write changes to the folder; return sentences about those that could not be made.

        Args:
            client: Who has the sandbox.
            sandbox_id: Which.
            changes: What was agreed to.
        """
        problems, made = await asyncio.to_thread(self._apply, changes)
        there, _ = await walk(client, sandbox_id)
        for path, known in made.items():
            if known is None:
                self._known.pop(path, None)
            else:
                as_there = look(there[path]) if path in there else (-1, 0.0)
                self._known[path] = Known(known.sha, known.size, known.changed, as_there)
        return problems

    def _apply(self, changes: list[Change]) -> tuple[list[str], dict[str, Known | None]]:
        root, problems, made = Root(self.root), [], dict[str, Known | None]()
        # What goes first makes room for a folder of the same name, and the other way round.
        for change in sorted(changes, key=lambda each: each.after is not None):
            if why := root.apply(change):
                problems.append(f"{change.path} was not written: {why}.")
            elif change.after is None:
                made[change.path] = None
            else:
                here = os.lstat(self.root / change.path)
                made[change.path] = Known(digest(change.after), here.st_size, here.st_mtime_ns)
        return problems, made

    def to_dict(self) -> dict[str, Any]:
        """Return what another process needs to go on with the same sandbox."""
        known = {path: [*asdict(each).values()] for path, each in self._known.items()}
        return {"root": str(self.root), "known": known, "links": sorted(self._links), "refused": self._refused}

    def take(self, kept: Any) -> bool:
        """Go on with what `to_dict` returned; False when it was another folder.

        Args:
            kept: What was kept.
        """
        if not isinstance(kept, dict) or kept.get("root") != str(self.root):
            return False
        try:
            self._known = {
                path: Known(str(sha), int(size), int(changed), (int(there[0]), float(there[1])))
                for path, (sha, size, changed, there) in kept["known"].items()
            }
            self._links, self._refused = set(kept["links"]), dict(kept["refused"])
        except (KeyError, ValueError, TypeError, AttributeError):
            return False
        return True


def folder_of(text: str) -> tuple[Path, bool]:
    """Return the folder that `PATH[:ro|rw]` names, and whether changes may go back to it. Blocks.

    Args:
        text: What was written on the command line.

    Raises:
        UsageError: It is no folder that can be given.
    """
    path, colon, mode = text.rpartition(":")
    if not colon or mode not in {"ro", "rw"}:
        path, mode = text, "rw"
    if os.name != "posix":
        raise UsageError("This system cannot write to a folder safely enough.", hint="Keep files with /save.")
    root = Path(path).expanduser().resolve()
    if not path or not root.is_dir():
        raise UsageError(f"{path or text} is no folder.", hint="Write --workspace PATH, PATH:ro or PATH:rw.")
    home = Path.home().resolve()
    if root == home or root in home.parents:
        raise UsageError(f"{root} holds your whole home.", hint="Name the folder of one project.")
    return root, mode == "rw"


def _state(change: Change) -> str | None:
    return None if change.after is None else digest(change.after)
