"""The sandbox's end of its egress proxy: a port on loopback whose connections end at a unix socket."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

PORT = 3128
_PIECE = 65536


def start(path: str, port: int = PORT) -> tuple[int, dict[str, str]]:
    """Start the relay as a session of its own; return its pid and the environment that makes programs use it.

    Args:
        path: The unix socket of the proxy.
        port: Where to listen on loopback.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(64)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            _keep_only(listening.fileno())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            _run(listening, path)
        finally:
            os._exit(1)
    listening.close()
    url = f"http://127.0.0.1:{port}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return pid, dict.fromkeys(names, url) | dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1")


def _keep_only(keep: int) -> None:
    """Close every other descriptor: this process must not hold a connection of its parent open."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)
    os.closerange(3, keep)
    os.closerange(keep + 1, 65536)


def _run(listening: socket.socket, path: str) -> None:
    # Only this process pays for the import.
    import asyncio

    asyncio.run(_serve(listening, path))


async def _serve(listening: socket.socket, path: str) -> None:
    import asyncio

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(path, limit=_PIECE)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                each.close()

    server = await asyncio.start_server(carry, sock=listening, limit=_PIECE)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()
