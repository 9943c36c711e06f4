"""The sandbox's end of its egress proxy: a port on loopback whose connections end at a unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket

PORT = 3128
_PIECE = 65536


def start(path: str, port: int = PORT) -> dict[str, str]:
    """Start the relay as a process of its own, and return the environment that makes programs use it.

    Args:
        path: The unix socket of the proxy.
        port: Where to listen on loopback.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(64)
    if os.fork() == 0:
        try:
            _keep_only(listening.fileno())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            asyncio.run(_serve(listening, path))
        finally:
            os._exit(1)
    listening.close()
    url = f"http://127.0.0.1:{port}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return dict.fromkeys(names, url) | dict.fromkeys(("no_proxy", "NO_PROXY"), "localhost,127.0.0.1")


def _keep_only(keep: int) -> None:
    """Close every other descriptor: this process must not hold a connection of its parent open."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):
        os.dup2(null, number)
    os.closerange(3, keep)
    os.closerange(keep + 1, 65536)


async def _serve(listening: socket.socket, path: str) -> None:
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
