"""What the egress proxy understands of HTTP: one request a connection, and no way to read it twice."""

from __future__ import annotations

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass

_LARGEST_HEAD = 32768
_PIECE = 65536

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
_TARGET = re.compile(rb"[\x21-\x7e]+\Z")
_PLACE = re.compile(r"([^\s:@/?#\\\[\]%]+|\[[^\]]*\])(?::([0-9]{1,5}))?\Z")
# What concerns one connection only is not passed on; the rest of the list is the proxy's own to say.
_DROPPED = {b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"te", b"upgrade", b"host"}


class BadRequestError(ValueError):
    """It is not a request, or one that two programs might read differently."""


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request."""

    method: bytes
    host: str
    port: int
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    length: int | None
    """Bytes of the body, or None when it comes in chunks."""

    @property
    def tunnel(self) -> bool:
        """Whether a connection is asked for, not a page."""
        return self.method == b"CONNECT"

    def head(self) -> bytes:
        """Return the head as the host is to see it."""
        place = self.host if self.port == 80 else f"{self.host}:{self.port}"
        lines = [self.method + b" " + self.path + b" HTTP/1.1", b"Host: " + place.encode("ascii")]
        lines += [name + b": " + value for name, value in self.headers if name.lower() not in _DROPPED]
        return b"\r\n".join([*lines, b"Connection: close", b"", b""])


async def read_request(reader: StreamReader) -> Request:
    """Read the head of the one request of a connection.

    Raises:
        BadRequestError: It cannot be understood, or in more than one way.
        asyncio.IncompleteReadError: The client went away.
    """
    lines: list[bytes] = []
    size = 0
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise BadRequestError("the request is too large") from None
        size += len(line)
        if size > _LARGEST_HEAD:
            raise BadRequestError("the request is too large")
        if not line.endswith(b"\r\n"):
            raise BadRequestError("a malformed request")
        if line == b"\r\n":
            break
        lines.append(line[:-2])
    parts = lines[0].split(b" ") if lines else []
    if len(parts) != 3 or parts[2] not in {b"HTTP/1.1", b"HTTP/1.0"} or not _TOKEN.match(parts[0]):
        raise BadRequestError("a malformed request")
    headers = tuple(_header(line) for line in lines[1:])
    return _request(parts[0], parts[1], headers)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.match(name) or not _VALUE.match(value):
        raise BadRequestError("a malformed header")
    return name, value.strip()


def _request(method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> Request:
    if not _TARGET.match(target):
        raise BadRequestError("a malformed address")
    text = target.decode("ascii")
    if method == b"CONNECT":
        host, port = _place(text, None)
        return Request(method, host, port, b"", headers, 0)
    if not text.lower().startswith("http://"):
        raise BadRequestError("only http:// addresses and CONNECT are served")
    rest = text[7:]
    cut = re.search(r"[/?#]", rest)
    place, path = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "/")
    host, port = _place(place, 80)
    path = path.partition("#")[0]
    if not path.startswith("/"):
        path = f"/{path}"
    return Request(method, host, port, path.encode("ascii"), headers, _body_length(headers))


def _place(text: str, port: int | None) -> tuple[str, int]:
    match = _PLACE.match(text)
    number = int(match[2]) if match and match[2] else port
    if match is None or number is None or not 0 < number < 65536:
        raise BadRequestError("a malformed address")
    return match[1], number


def _body_length(headers: tuple[tuple[bytes, bytes], ...]) -> int | None:
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    codings = [value.lower() for name, value in headers if name.lower() == b"transfer-encoding"]
    if codings:
        if lengths or codings != [b"chunked"]:
            raise BadRequestError("a body of uncertain length")
        return None
    if not lengths:
        return 0
    if len(lengths) != 1 or not re.fullmatch(rb"[0-9]{1,15}", lengths[0]):
        raise BadRequestError("a body of uncertain length")
    return int(lengths[0])


async def forward_body(request: Request, reader: StreamReader, writer: StreamWriter) -> None:
    """Pass on the body of a request, and not a byte more.

    Raises:
        BadRequestError: The chunks of the body are malformed.
    """
    if request.length is not None:
        await _forward(request.length, reader, writer)
        return
    while True:
        line = await _line(reader)
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", line):
            raise BadRequestError("a malformed chunk")
        size = int(line, 16)
        writer.write(line + b"\r\n")
        if size == 0:
            # Trailers are dropped: hardly anybody sends them, and they could say what a header may not.
            while await _line(reader):
                pass
            writer.write(b"\r\n")
            await writer.drain()
            return
        await _forward(size, reader, writer)
        if await reader.readexactly(2) != b"\r\n":
            raise BadRequestError("a malformed chunk")
        writer.write(b"\r\n")


async def _line(reader: StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError:
        raise BadRequestError("a malformed chunk") from None
    if not line.endswith(b"\r\n"):
        raise BadRequestError("a malformed chunk")
    return line[:-2]


async def _forward(count: int, reader: StreamReader, writer: StreamWriter) -> None:
    while count:
        piece = await reader.read(min(count, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", count)
        count -= len(piece)
        writer.write(piece)
        await writer.drain()
