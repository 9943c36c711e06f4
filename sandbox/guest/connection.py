"""The connection to the owner."""

from __future__ import annotations

import os
from collections.abc import Callable

from .loop import Loop
from .protocol import Decoder, Message, ProtocolError, encode

_HIGH = 4 * 1024 * 1024
_LOW = 1024 * 1024
_HELLO_LIMIT = 4096


class Connection:
    """Frames over one or two descriptors, never blocking.

    Args:
        loop: The loop.
        read_fd: What is read from.
        write_fd: What is written to.
        take: Called with every message.
        closed: Called once when the other side is gone.
        crowded: Called with True when too much waits to be sent, and with False when it is well again.
    """

    def __init__(
        self,
        loop: Loop,
        read_fd: int,
        write_fd: int,
        *,
        take: Callable[[Connection, Message, bytes | None], None],
        closed: Callable[[Connection], None],
        crowded: Callable[[bool], None],
    ) -> None:
        self._loop = loop
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._take = take
        self._closed = closed
        self._crowded = crowded
        self._is_crowded = False
        # Whoever has not shown the token may not make us hold much.
        self._decoder = Decoder(_HELLO_LIMIT)
        self._waiting = bytearray()
        self.open = True
        for fd in {read_fd, write_fd}:
            os.set_blocking(fd, False)
        self._watch()

    def trust(self) -> None:
        """Accept frames of full length from now on."""
        self._decoder.limit = Decoder().limit

    def send(self, message: Message, blob: bytes | None = None) -> None:
        """Send a message when the other side takes it.

        Args:
            message: What to say.
            blob: What goes with it.
        """
        if not self.open:
            return
        self._waiting += encode(message, blob)
        self._write()
        if len(self._waiting) > _HIGH and not self._is_crowded:
            self._is_crowded = True
            self._crowded(True)

    def close(self) -> None:
        """Hang up."""
        if not self.open:
            return
        self.open = False
        for fd in {self._read_fd, self._write_fd}:
            self._loop.watch(fd)
            os.close(fd)
        if self._is_crowded:
            self._crowded(False)
        self._closed(self)

    def _watch(self) -> None:
        write = self._write if self._waiting else None
        if self._read_fd == self._write_fd:
            self._loop.watch(self._read_fd, read=self._read, write=write)
        else:
            self._loop.watch(self._read_fd, read=self._read)
            self._loop.watch(self._write_fd, write=write)

    def _read(self) -> None:
        try:
            data = os.read(self._read_fd, 1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for message, blob in self._decoder.feed(data):
                self._take(self, message, blob)
        except ProtocolError:
            self.close()

    def _write(self) -> None:
        while self._waiting:
            try:
                sent = os.write(self._write_fd, memoryview(self._waiting)[: 1 << 18])
            except BlockingIOError:
                break
            except OSError:
                self.close()
                return
            del self._waiting[:sent]
        if self._is_crowded and len(self._waiting) < _LOW:
            self._is_crowded = False
            self._crowded(False)
        if self.open:
            self._watch()
