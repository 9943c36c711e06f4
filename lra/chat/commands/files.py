"""Commands about files in the sandbox: which there are, what is in one, and keeping one."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from lra.chat.agreeing import agreed
from lra.chat.commands.registry import registry
from lra.chat.table import ago, counted, rows
from lra.chat.width import clip
from lra.errors import LraError, NotFoundError, UnavailableError, UsageError
from lra.text import file_size

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session
    from sandbox.client import Client

_SHOWN = 200
_LINES = 100
_BYTES = 20_000
_MOST = 2_000_000_000


@registry.command("files", "[NAME]", during_turn=True)
async def files(chat: Chat, args: str) -> None:
    """List the files in the sandbox; with a name, show the beginning of one.

    /save keeps one of them in a folder of yours.
    """
    client, sandbox_id = await _sandbox(chat)
    if args:
        await _show(chat, client, sandbox_id, args)
        return
    from sandbox.client import SandboxError

    try:
        found = await client.list_files(sandbox_id, recursive=True)
    except SandboxError as error:
        raise UnavailableError(error.message) from None
    there = [
        each
        for each in found["entries"]
        if each["type"] == "file" and not each["path"].startswith((".packages/", ".lra"))
    ]
    lines = [
        (file_size(each["size"]), f"{each['path']}  ({ago(int(each['modified'] * 1_000_000))})")
        for each in there[:_SHOWN]
    ]
    for line in rows(lines, chat.screen.columns):
        chat.screen.line(line)
    if not there:
        chat.screen.line("There are no files in the sandbox.")
    elif len(there) > _SHOWN or not found["complete"]:
        chat.screen.line(f"… only the first {counted(min(_SHOWN, len(there)), 'file')} of more", "dim")


@registry.command("save", "NAME [PATH]", during_turn=True)
async def save(chat: Chat, args: str) -> None:
    """Keep a file of the sandbox: in this folder, or at a path.

    A file that is there is never replaced without asking. A name with spaces is written in quotes.
    """
    name, target = _two(args)
    client, sandbox_id = await _sandbox(chat)
    path = await asyncio.to_thread(_target, name, target)
    replace = await _may_replace(chat, path)
    written = await _keep(client, sandbox_id, name, path, replace=replace)
    chat.screen.line(f"Saved {clip(str(path), 300)} ({file_size(written)})", "good")


async def _may_replace(chat: Chat, path: Path) -> bool:
    """Ask, where a file is there already."""
    if chat.scripted or not await asyncio.to_thread(path.is_file):
        return False
    return await agreed(chat, f"{clip(str(path), 200)} is there already. Replace it?")


async def _sandbox(chat: Chat) -> tuple[Client, str]:
    from sandbox.client import SandboxError

    session: Session = await chat.ready()
    bench = session.workbench
    try:
        found = await bench.present() if bench is not None else None
    except SandboxError as error:
        raise UnavailableError(error.message) from None
    if found is None:
        raise NotFoundError("This conversation has no sandbox, so there are no files in one.")
    return found


async def _show(chat: Chat, client: Client, sandbox_id: str, name: str) -> None:
    from sandbox.client import SandboxError

    data = b""
    try:
        async with aclosing(client.read(sandbox_id, _unquoted(name))) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > _BYTES:
                    break
    except SandboxError as error:
        raise NotFoundError(error.message) from None
    if b"\0" in data:
        raise UsageError(f"{clip(name, 80)} is no text.", hint=f"/save {clip(name, 80)} keeps it.")
    lines = data[:_BYTES].decode("utf-8", "replace").splitlines()
    for line in lines[:_LINES]:
        chat.screen.line(line)
    if len(lines) > _LINES or len(data) > _BYTES:
        chat.screen.line(f"… and more; /save {clip(name, 80)} keeps the whole file", "dim")


async def _keep(client: Client, sandbox_id: str, name: str, path: Path, *, replace: bool) -> int:
    """Write a file of the sandbox to one of the person's, a new one unless it may replace one; return its size."""
    from sandbox.client import SandboxError

    written, target = 0, path
    if replace:
        # Whole beside the old one first, which is there until then.
        path = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        async with aclosing(client.read(sandbox_id, name)) as pieces:
            # The first piece tells whether there is such a file, before one is made here.
            first = await anext(aiter(pieces), b"")
            handle = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                try:
                    piece = first
                    while True:
                        await asyncio.to_thread(_all_of, handle, piece)
                        written += len(piece)
                        if written > _MOST:
                            raise LraError(f"{clip(name, 80)} has more than {file_size(_MOST)}.")
                        piece = await anext(aiter(pieces))
                except StopAsyncIteration:
                    pass
                finally:
                    await asyncio.to_thread(os.close, handle)
                if replace:
                    await asyncio.to_thread(os.replace, path, target)
            except BaseException:
                with suppress(OSError):
                    await asyncio.to_thread(path.unlink)
                raise
    except FileExistsError:
        raise UsageError(
            f"{clip(str(path), 200)} is there already and was left as it is.", hint="Name another path."
        ) from None
    except SandboxError as error:
        raise NotFoundError(error.message) from None
    except OSError as error:
        from lra.store.room import unwritten

        raise unwritten(path, error, clip(str(path), 200)) from None
    return written


def _all_of(handle: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(handle, view) :]


def _two(args: str) -> tuple[str, str]:
    """Return the name of a file in the sandbox, and where it is to go."""
    import shlex

    try:
        words = shlex.split(args)
    except ValueError:
        raise UsageError("A quote is not closed.") from None
    if not 1 <= len(words) <= 2 or not words[0]:
        raise UsageError("/save takes the name of a file and, if you like, a path.", hint="/files lists them.")
    return words[0], words[1] if len(words) == 2 else ""


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"" else name


def _target(name: str, given: str) -> Path:
    """Return where a file goes; only its last part is taken of a name that the sandbox chose."""
    last = PurePosixPath(name).name.replace("\\", "_").replace("\0", "_")
    if last in {"", ".", ".."}:
        raise UsageError(f"{clip(name, 80)!r} names no file.")
    path = Path(given).expanduser() if given else Path(last)
    if given and (given.endswith(os.sep) or path.is_dir()):
        path = path / last
    return path.parent.resolve() / path.name
