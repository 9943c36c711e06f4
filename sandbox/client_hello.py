"""The name in the first message of a TLS connection, read without taking part in it."""

from __future__ import annotations

LARGEST = 65536
"""Bytes after which a first message is not waited for any longer."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_SERVER_NAME = 0
_ENCRYPTED_CLIENT_HELLO = 0xFE0D


class NotTlsError(ValueError):
    """The bytes are not the beginning of a TLS connection that names its host; the message says what they are."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise NotTlsError("a malformed TLS greeting")
        self._at += count
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Reader:
        return _Reader(self.take(self.number(size)))

    def left(self) -> int:
        return len(self._data) - self._at


def server_name(data: bytes) -> str | None:
    """Return the host a client asks for, in lower case, or None when more bytes are needed to know.

    Args:
        data: Everything the client has sent so far.

    Raises:
        NotTlsError: It is not TLS, names no host or several, or hides the name it means.
    """
    message = _handshake(data)
    if message is None:
        return None
    hello = _Reader(message)
    hello.take(2 + 32)
    hello.vector(1)
    hello.vector(2)
    hello.vector(1)
    if not hello.left():
        raise NotTlsError("TLS without a server name")
    extensions = hello.vector(2)
    names: list[bytes] = []
    while extensions.left():
        kind = extensions.number(2)
        body = extensions.vector(2)
        if kind == _ENCRYPTED_CLIENT_HELLO:
            raise NotTlsError("TLS with an encrypted server name")
        if kind == _SERVER_NAME:
            entries = body.vector(2)
            while entries.left():
                if entries.number(1) != 0:
                    raise NotTlsError("a malformed TLS greeting")
                names.append(entries.take(entries.number(2)))
    if len(names) != 1:
        raise NotTlsError("TLS without a server name" if not names else "TLS with several server names")
    try:
        return names[0].decode("ascii").lower()
    except UnicodeDecodeError:
        raise NotTlsError("a malformed TLS greeting") from None


def _handshake(data: bytes) -> bytes | None:
    """Join the records that carry the first handshake message, and return its body once it is complete."""
    joined = b""
    at = 0
    while at + 5 <= len(data):
        if data[at] != _HANDSHAKE or data[at + 1] != 3:
            raise NotTlsError("not TLS")
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if not 0 < size <= 16384:
            raise NotTlsError("a malformed TLS greeting")
        joined += data[at + 5 : at + 5 + size]
        if joined and joined[0] != _CLIENT_HELLO:
            raise NotTlsError("a malformed TLS greeting")
        if len(joined) >= 4:
            length = int.from_bytes(joined[1:4], "big")
            if length > LARGEST:
                raise NotTlsError("a malformed TLS greeting")
            if len(joined) >= 4 + length:
                return joined[4 : 4 + length]
        at += 5 + size
    if data and data[0] != _HANDSHAKE:
        raise NotTlsError("not TLS")
    return None
