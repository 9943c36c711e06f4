"""Folders of a sandbox as tar archives, both ways, piece by piece."""

from __future__ import annotations

import asyncio
import tarfile
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from typing import IO

from sandbox.errors import InvalidError, LimitError, SandboxError
from sandbox.guest.protocol import CHUNK
from sandbox.instance import Sandbox

_BLOCK = 512
_MOST_FILES = 5_000
_IN_MEMORY = 4_000_000


async def pack(sandbox: Sandbox, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a folder as a tar archive; links and other special files are left out.

    Args:
        sandbox: Whose.
        path: The folder in the workspace.
    """
    answer = await sandbox.ask("list", path=path, recursive=True)
    if not answer["complete"]:
        raise LimitError(f"{path} holds more than {_MOST_FILES:,} files: ask for the folders in it one by one.")
    above = path.strip("/").removeprefix("./")
    start = "" if above in {"", "."} else f"{above}/"
    for entry in answer["entries"]:
        info = tarfile.TarInfo(str(entry["path"]).removeprefix(start))
        info.mtime = int(entry["modified"])
        if entry["type"] == "folder":
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            yield info.tobuf(tarfile.PAX_FORMAT)
        elif entry["type"] == "file":
            async for piece in _file(sandbox, str(entry["path"]), info):
                yield piece
    yield b"\0" * (2 * _BLOCK)


async def _file(sandbox: Sandbox, path: str, info: tarfile.TarInfo) -> AsyncGenerator[bytes, None]:
    # The code may write meanwhile: the size is what the first look says, whatever comes after.
    try:
        entry = (await sandbox.ask("stat", path=path))["entry"]
        pieces = sandbox.read(path)
        first = await anext(pieces)
    except SandboxError:
        return  # it is gone, or something else by now
    info.size, info.mode = int(entry["size"]), 0o644
    yield info.tobuf(tarfile.PAX_FORMAT)
    left = info.size
    piece = first
    while left:
        if not piece:
            # It has become shorter.
            piece = b"\0" * min(left, CHUNK)
        yield piece[:left]
        left -= len(piece[:left])
        try:
            piece = await anext(pieces, b"")
        except SandboxError:
            piece = b""
    await pieces.aclose()
    if info.size % _BLOCK:
        yield b"\0" * (_BLOCK - info.size % _BLOCK)


async def unpack(sandbox: Sandbox, path: str, data: AsyncIterable[bytes]) -> int:
    """Write what a tar archive holds into a folder; return how many files that were.

    Args:
        sandbox: Whose.
        path: The folder in the workspace.
        data: The archive, not compressed.

    Raises:
        InvalidError: It is no such archive, or holds more than files and folders.
    """
    most = sandbox.spec.limits.disk_mb * 1_000_000 + _MOST_FILES * 2 * _BLOCK
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
        size = 0
        async for piece in data:
            size += len(piece)
            if size > most:
                raise LimitError("The archive is larger than the disk of the sandbox.")
            await asyncio.to_thread(kept.write, piece)
        await asyncio.to_thread(kept.seek, 0)
        return await _write(sandbox, path, kept)


async def _write(sandbox: Sandbox, path: str, kept: IO[bytes]) -> int:
    files = entries = 0
    try:
        archive = await asyncio.to_thread(tarfile.open, fileobj=kept, mode="r:")
        while (info := await asyncio.to_thread(archive.next)) is not None:
            entries += 1
            if entries > _MOST_FILES:
                raise LimitError(f"The archive holds more than {_MOST_FILES:,} files.")
            # The guest goes a path step by step, so that none leaves the workspace; here it is only put together.
            target = f"{path}/{info.name}".removeprefix("./")
            if info.isdir():
                await sandbox.ask("mkdir", path=target)
            elif info.isreg():
                file = await asyncio.to_thread(archive.extractfile, info)
                assert file is not None
                await sandbox.write(target, _pieces(file))
                files += 1
            else:
                raise InvalidError(f"{info.name[:200]} is neither a file nor a folder: an archive holds nothing else.")
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all it has seen
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise InvalidError(f"This is no tar archive that can be read: {error}.") from None
    return files


async def _pieces(file: IO[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(file.read, CHUNK):
        yield piece
