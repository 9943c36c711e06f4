"""Frames over the standard streams of a container, for engines whose containers see no socket of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from asyncio import StreamReader, StreamWriter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import DockerClient

_PIECE = 65536
_STDOUT = 1


async def attach(client: DockerClient, container: str) -> tuple[StreamReader, StreamWriter]:
    """Attach to a container that is not yet running.

    Two threads carry the bytes, because the connection to an engine may be a socket, TLS or an SSH channel, which
    have only blocking reads and writes in common.
    """
    raw = await asyncio.to_thread(
        client.api.attach_socket, container, {"stdin": 1, "stdout": 1, "stderr": 0, "stream": 1}
    )
    far = getattr(raw, "_sock", raw)
    ours, theirs = socket.socketpair()
    settimeout = getattr(far, "settimeout", None)
    if settimeout is not None:
        settimeout(None)
    # The reader keeps the response alive that owns the connection.
    threading.Thread(target=_from_engine, args=(far, theirs, raw), name="attached-read", daemon=True).start()
    threading.Thread(target=_to_engine, args=(theirs, far), name="attached-write", daemon=True).start()
    return await asyncio.open_connection(sock=ours)


def _from_engine(far: Any, near: socket.socket, owner: object) -> None:
    """Unpack the engine's own frames: a byte for the stream, three of nothing, four of length."""
    try:
        while True:
            head = _exactly(far, 8)
            left = int.from_bytes(head[4:], "big")
            while left:
                piece = far.recv(min(left, _PIECE))
                if not piece:
                    return
                left -= len(piece)
                if head[0] == _STDOUT:
                    near.sendall(piece)
    except (OSError, EOFError):
        pass
    finally:
        _hang_up(near)


def _to_engine(near: socket.socket, far: Any) -> None:
    try:
        while piece := near.recv(_PIECE):
            far.sendall(piece)
    except OSError:
        pass
    finally:
        _hang_up(far)


def _exactly(far: Any, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = far.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


def _hang_up(end: Any) -> None:
    # Shut down before it is closed: the other thread may be waiting in a read that a close alone would not end.
    with contextlib.suppress(OSError, AttributeError):
        end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        end.close()
