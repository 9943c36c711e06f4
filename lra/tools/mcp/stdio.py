"""A server that is a program started here, spoken to over its standard input and output."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from lra.errors import LraError
from lra.text import clean_text, one_line
from lra.tools.mcp.config import ServerConfig, fill_in
from lra.tools.mcp.guard import MOST_BYTES, Guard, Lifeline

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]

_INHERITED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "SYSTEMROOT", "TERM", "TMPDIR", "TZ", "USER")
_GRACE = 0.5
"""Seconds a program is given to end by itself, and again after it was told to."""
_CHUNK = 65_536


def environment(named: Mapping[str, str]) -> dict[str, str]:
    """Return what a server finds in its environment: the ordinary, and what its file names. No key slips in.

    Args:
        named: From the file, with its variables.

    Raises:
        ConfigError: A variable it names is not set.
    """
    ordinary = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return ordinary | {name: fill_in(text) for name, text in named.items()}


@asynccontextmanager
async def stdio_streams(config: ServerConfig, lifeline: Lifeline) -> AsyncGenerator[Streams]:
    """Start a server and yield what its session reads from and writes to; leaving ends the program.

    Args:
        config: The server.
        lifeline: Is ended with the program.

    Raises:
        LraError: It cannot be started.
    """
    process = await _start(config)
    guard = Guard(lifeline)
    incoming, for_session = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    from_session, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    complaints: deque[str] = deque(maxlen=3)
    tasks = [
        asyncio.create_task(_read(process, incoming, guard, lifeline)),
        asyncio.create_task(_write(process, outgoing, lifeline)),
        asyncio.create_task(_listen(process, complaints)),
    ]
    ending = asyncio.create_task(_await_end(process, tasks, complaints, lifeline))
    try:
        yield for_session, from_session
    finally:
        if tasks[0].done():
            # Its output ended before we did: how is worth knowing.
            await asyncio.wait([ending], timeout=2 * _GRACE)
        # From here on, how it ends is our doing.
        lifeline.end("")
        try:
            await asyncio.shield(_end(process, tasks[1]))
        finally:
            for task in (*tasks, ending):
                task.cancel()
            await asyncio.gather(*tasks, ending, return_exceptions=True)
            for stream in (incoming, for_session, from_session, outgoing):
                stream.close()
            # A pipe that nobody read to its end would stay open; there is no public way to close it.
            process._transport.close()  # type: ignore[attr-defined]


async def _start(config: ServerConfig) -> asyncio.subprocess.Process:
    try:
        command, *args = [fill_in(text) for text in (config.command, *config.args)]
        return await asyncio.create_subprocess_exec(
            command,
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=config.folder,
            env=environment(config.env),
            # Keys meant for the terminal are not for it, and all of its children can be ended with it.
            start_new_session=True,
        )
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = f"there is no program {config.command!r}" if missing else f"{error.strerror}: {config.command}"
        if missing and not await asyncio.to_thread(config.folder.is_dir):
            what = f"there is no folder {config.folder}"
        raise LraError(f"it cannot be started: {what}") from None


async def _read(
    process: asyncio.subprocess.Process,
    to: MemoryObjectSendStream[SessionMessage | Exception],
    guard: Guard,
    lifeline: Lifeline,
) -> None:
    assert process.stdout is not None
    rest = bytearray()
    async with to:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while not lifeline.ended.is_set() and (chunk := await process.stdout.read(_CHUNK)):
                searched = len(rest)
                rest += chunk
                if b"\n" in chunk:
                    *lines, last = bytes(rest).split(b"\n")
                    rest = bytearray(last)
                    for line in lines:
                        await guard.pass_on(line, to)
                elif searched > MOST_BYTES:
                    lifeline.end(f"it sent a message of more than {MOST_BYTES // 1_000_000} MB")


async def _write(
    process: asyncio.subprocess.Process, messages: MemoryObjectReceiveStream[SessionMessage], lifeline: Lifeline
) -> None:
    assert process.stdin is not None
    async with messages:
        async for each in messages:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            try:
                process.stdin.write(text.encode() + b"\n")
                await process.stdin.drain()
            except (OSError, ConnectionError):
                # Most likely it has ended, and how is told by others.
                await asyncio.sleep(_GRACE)
                lifeline.end("it no longer reads its standard input")
                return


async def _listen(process: asyncio.subprocess.Process, complaints: deque[str]) -> None:
    """Keep the last lines of what it writes to standard error; the rest is of no interest."""
    assert process.stderr is not None
    rest = b""
    while chunk := await process.stderr.read(_CHUNK):
        *lines, rest = (rest + chunk)[-4 * _CHUNK :].split(b"\n")
        complaints.extend(line.decode("utf-8", "replace") for line in [*lines[-3:]] if line.strip())
    if rest.strip():
        complaints.append(rest.decode("utf-8", "replace"))


async def _await_end(
    process: asyncio.subprocess.Process, tasks: list[asyncio.Task[None]], complaints: deque[str], lifeline: Lifeline
) -> None:
    reading, _, listening = tasks
    # Not `process.wait()`, which waits for a child of the program that holds its output open.
    while process.returncode is None and not reading.done():
        await asyncio.wait([reading], timeout=1.0)
    if not await _gone(process):
        lifeline.end("it closed its standard output")
        return
    await asyncio.wait([listening], timeout=0.1)
    code = process.returncode or 0
    how = f"with code {code}" if code >= 0 else f"by signal {-code}"
    said = one_line(clean_text(complaints[-1]), 200) if complaints else ""
    lifeline.end(f"its program ended {how}{f': {said}' if said else ''}")


async def _end(process: asyncio.subprocess.Process, writing: asyncio.Task[None]) -> None:
    """Let it end by itself, then tell it to, then make it."""
    assert process.stdin is not None
    writing.cancel()
    process.stdin.close()
    if not await _gone(process):
        _signal(process, signal.SIGTERM)
        await _gone(process)
    # What it started may have stayed, whatever became of itself.
    _signal(process, signal.SIGKILL)
    await _gone(process)


async def _gone(process: asyncio.subprocess.Process) -> bool:
    for _ in range(int(_GRACE / 0.01)):
        if process.returncode is not None:
            return True
        await asyncio.sleep(0.01)
    return False


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
