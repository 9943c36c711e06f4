"""The sandbox's end of its egress proxy: a port on loopback whose connections end at a unix socket."""

from __future__ import annotations

import os
import signal
import socket
from functools import partial

from .loop import Loop

PORT = 3128
_PIECE = 65536
_CONNECT_SECONDS = 5.0
_FULL_SECONDS = 0.1


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
    loop = Loop()
    listening.setblocking(False)

    def accept() -> None:
        try:
            near, _ = listening.accept()
        except BlockingIOError:
            return
        except OSError:
            # No descriptor is free: nobody else is let in for a moment.
            loop.watch(listening)
            loop.later(_FULL_SECONDS, listen)
            return
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.settimeout(_CONNECT_SECONDS)
            far.connect(path)
        except OSError:
            near.close()
            far.close()
        else:
            Carried(loop, near, far)

    def listen() -> None:
        loop.watch(listening, read=accept)

    listen()
    while True:
        loop.turn()


class Carried:
    """Two connections, each of which is sent what the other says.

    Args:
        loop: The loop.
        near: To a program in here.
        far: To the proxy.
    """

    def __init__(self, loop: Loop, near: socket.socket, far: socket.socket) -> None:
        self._loop = loop
        self._ends = (near, far)
        self._waiting = {near: b"", far: b""}
        """What each has not taken yet; nothing more is read for it meanwhile."""
        self._silent: set[socket.socket] = set()
        """Those that have said all they have to say."""
        for end in self._ends:
            end.setblocking(False)
            self._watch(end)

    def _watch(self, end: socket.socket) -> None:
        other = self._other(end)
        reads = end not in self._silent and not self._waiting[other]
        self._loop.watch(
            end,
            read=partial(self._read, end) if reads else None,
            write=partial(self._write, end) if self._waiting[end] else None,
        )

    def _other(self, end: socket.socket) -> socket.socket:
        return self._ends[end is self._ends[0]]

    def _read(self, end: socket.socket) -> None:
        other = self._other(end)
        try:
            piece = end.recv(_PIECE)
            if piece:
                sent = _sent(other, piece)
                if sent == len(piece):
                    return
                self._waiting[other] = piece[sent:]
            else:
                self._silent.add(end)
                other.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self._close()
            return
        self._watch_both()

    def _write(self, end: socket.socket) -> None:
        waiting = self._waiting[end]
        try:
            self._waiting[end] = waiting[_sent(end, waiting) :]
        except OSError:
            self._close()
            return
        self._watch_both()

    def _watch_both(self) -> None:
        if len(self._silent) == 2 and not any(self._waiting.values()):
            self._close()
            return
        for end in self._ends:
            self._watch(end)

    def _close(self) -> None:
        for end in self._ends:
            self._loop.watch(end)
            end.close()


def _sent(to: socket.socket, piece: bytes) -> int:
    try:
        return to.send(piece)
    except BlockingIOError:
        return 0
