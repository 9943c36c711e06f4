"""The relay inside a sandbox, between programs that speak TCP and the socket of the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

LARGE = os.urandom(1 << 20) * 8
START = "import sys; from sandbox.guest import relay; print(relay.start(sys.argv[1], int(sys.argv[2]))[0])"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """Run a relay to `far.sock`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, str(tmp_path / "far.sock"), str(number), stdout=asyncio.subprocess.PIPE
    )
    assert started.stdout is not None
    pid = int(await started.stdout.readline())
    await started.wait()
    yield number
    os.kill(pid, signal.SIGKILL)


@contextlib.asynccontextmanager
async def far(tmp_path: Path, serve: Serve) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(serve, str(tmp_path / "far.sock"))
    try:
        yield
    finally:
        server.close()


async def test_each_end_reads_what_the_other_wrote_to_the_end(tmp_path: Path, port: int) -> None:
    got = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        got = await reader.read()
        writer.write(b"heard")
        writer.close()

    async with far(tmp_path, serve):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(LARGE)
        writer.write_eof()
        assert await reader.read() == b"heard"
        writer.close()
    assert got == LARGE


async def test_a_slow_reader_gets_everything_and_holds_nobody_up(tmp_path: Path, port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readline()
        with contextlib.suppress(ConnectionError):
            writer.write(LARGE if asked == b"much\n" else b"little")
            await writer.drain()
        writer.close()

    async with far(tmp_path, serve):
        slow, asking = await asyncio.open_connection("127.0.0.1", port)
        asking.write(b"much\n")
        assert await slow.readexactly(1) == LARGE[:1]
        quick, other = await asyncio.open_connection("127.0.0.1", port)
        other.write(b"little\n")
        assert await quick.read() == b"little"
        assert await slow.read() == LARGE[1:]
        for each in (asking, other):
            each.close()


async def test_without_a_proxy_a_connection_ends(tmp_path: Path, port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_who_hangs_up_ends_both(tmp_path: Path, port: int) -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(LARGE)
                await writer.drain()
        ended.set()

    async with far(tmp_path, serve):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readexactly(1)
        writer.transport.abort()
        await ended.wait()
