"""The sandbox's side of a person's folder: packing it in, and looking through it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lra.tools.workspace_changes import Root, digest
from lra.tools.workspace_scan import Scan
from sandbox.client import Client, SandboxError

LARGEST = 20_000_000
"""Bytes of one changed file that are looked at."""
_PARCEL = 8_000_000
_MOST_ENTRIES = 100_000
_UNPACK = (
    "python3 -I -c \"import tarfile, os; t = tarfile.open('{name}');"
    " t.extractall('.', **({{'filter': 'fully_trusted'}} if hasattr(tarfile, 'fully_trusted_filter') else {{}}));"
    " t.close(); os.unlink('{name}')\""
)


@dataclass(frozen=True, slots=True)
class Known:
    """One file as it was given: so it looked here, and so there."""

    sha: str
    size: int
    changed: int
    there: tuple[int, float] = (-1, 0.0)


def parcels(
    root: Path, found: Scan, paths: list[str], links: dict[str, str]
) -> Iterator[tuple[bytes, dict[str, Known]]]:
    """Yield archives of at most a few megabytes, and what is in each."""
    reader, waiting = Root(root), list(paths)
    while waiting or links:
        packed, known = io.BytesIO(), dict[str, Known]()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, target in links.items():
                entry = tarfile.TarInfo(path)
                entry.type, entry.linkname = tarfile.SYMTYPE, target
                archive.addfile(entry)
            links = {}
            while waiting and packed.tell() < _PARCEL:
                path = waiting.pop(0)
                data = reader.read(path)
                if data is None:
                    continue  # it went away since the folder was looked through
                look = found.files[path]
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(data), 0o755 if look.executable else 0o644
                entry.mtime = look.changed // 1_000_000_000
                archive.addfile(entry, io.BytesIO(data))
                known[path] = Known(digest(data), look.size, look.changed)
        yield packed.getvalue(), known


async def command(client: Client, sandbox_id: str, line: str) -> None:
    """Run a command of ours in a sandbox.

    Args:
        client: Who has the sandbox.
        sandbox_id: Which.
        line: What its shell is given.

    Raises:
        SandboxError: It failed.
    """
    said, done = "", dict[str, Any]()
    async with aclosing(client.command(sandbox_id, line, timeout=120.0)) as events:
        async for event in events:
            if event["event"] in {"stdout", "stderr"}:
                said += event["text"]
            done = event
    if done.get("exit") != 0:
        raise SandboxError(f"The folder could not be put into the sandbox: {said.strip()[-300:] or 'it is full'}.")


async def walk(client: Client, sandbox_id: str) -> tuple[dict[str, dict[str, Any]], bool]:
    """Return every entry of a sandbox by path, and whether these are all."""
    found = await client.list_files(sandbox_id, recursive=True)
    if found["complete"]:
        return {each["path"]: each for each in found["entries"]}, True
    entries: dict[str, dict[str, Any]] = {}
    waiting, complete = ["."], True
    while waiting and len(entries) < _MOST_ENTRIES:
        found = await client.list_files(sandbox_id, waiting.pop())
        complete = complete and bool(found["complete"])
        entries |= {each["path"]: each for each in found["entries"]}
        waiting += [each["path"] for each in found["entries"] if each["type"] == "folder"]
    return entries, complete and not waiting


async def read(client: Client, sandbox_id: str, path: str) -> bytes:
    """Return a file of a sandbox.

    Args:
        client: Who has the sandbox.
        sandbox_id: Which.
        path: The file, which was not too large when it was listed.

    Raises:
        SandboxError: It cannot be read, or has become too large.
    """
    data = b""
    async with aclosing(client.read(sandbox_id, path)) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > 2 * LARGEST:
                raise SandboxError(f"{path} grows while it is read.")
    return data


async def unpack(client: Client, sandbox_id: str, data: bytes, number: int) -> None:
    """Put an archive of ours into a sandbox and unpack it there.

    Args:
        client: Who has the sandbox.
        sandbox_id: Which.
        data: The archive.
        number: Tells it from others.

    Raises:
        SandboxError: It does not fit.
    """
    name = f".lra-{number}.tar"
    await client.write(sandbox_id, name, data)
    await command(client, sandbox_id, _UNPACK.format(name=name))


def look(entry: dict[str, Any]) -> tuple[int, float]:
    """Return what tells that a file of a sandbox has changed.

    Args:
        entry: As the sandbox lists it.
    """
    return int(entry["size"]), float(entry["modified"])
