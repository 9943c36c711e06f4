"""The only way out of a sandbox with limited network: a proxy on a unix socket that knows an allow-list.

The sandbox has no interface but loopback. A relay inside it (`sandbox.guest.relay`) carries what programs send to
their HTTP proxy over the socket to here. Names are looked up here, after the allow-list said yes, and the connection
goes to the very address that was examined.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from sandbox.client_hello import LARGEST, NotTlsError, server_name
from sandbox.egress_http import BadRequestError, Request, forward_body, read_request
from sandbox.hosts import Address, AddressRange, AllowList, HostError, host_name, refusal

_log = logging.getLogger("sandbox.egress")

Resolver = Callable[[str, int], Awaitable[list[str]]]

_PIECE = 65536


@dataclass(frozen=True, slots=True)
class Decision:
    """What the proxy said to one connection."""

    allowed: bool
    target: str
    """What was asked for, printable and shortened."""
    reason: str
    """Why it was refused, or the address it went to."""


class _RefusedError(Exception):
    def __init__(self, status: str, target: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.target = target
        self.reason = reason


class EgressProxy:
    """The proxy of one sandbox.

    Args:
        allowed: Entries as `sandbox.hosts.AllowList` takes them.
        name: Whose proxy it is, for the log.
        private: Address ranges that may be reached although they are not public.
        resolver: Returns the addresses of a name; the system's own by default.
        connections: How many are served at once; more are refused.
        patience: Seconds for a request head, a TLS greeting, a lookup or a connection.
        idle: Seconds without a byte in either direction after which a connection is closed.

    Raises:
        HostError: An entry is not a host.
    """

    def __init__(
        self,
        allowed: Iterable[str],
        *,
        name: str = "sandbox",
        private: Iterable[AddressRange] = (),
        resolver: Resolver | None = None,
        connections: int = 64,
        patience: float = 15.0,
        idle: float = 300.0,
    ) -> None:
        self.entries = tuple(allowed)
        self._allowed = AllowList(self.entries)
        self._name = name
        self._private = tuple(private)
        self._resolve = resolver or _lookup
        self._most = connections
        self._patience = patience
        self._idle = idle
        self._server: asyncio.Server | None = None
        self._path = ""
        self._running: set[asyncio.Task[None]] = set()
        self.decisions: deque[Decision] = deque(maxlen=1000)
        """The last of them, oldest first; every one is also logged."""

    async def start(self, path: str) -> None:
        """Listen on a unix socket; a socket that a dead process left there is replaced.

        Args:
            path: In a folder that only its owner can enter.
        """
        listening = await asyncio.to_thread(_listen, path)
        self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=_PIECE)
        self._path = path

    async def close(self) -> None:
        """Stop listening and end what is under way."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._server = None
        await asyncio.to_thread(_remove, self._path)

    def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            if len(self._running) > self._most:
                raise _RefusedError("503 Service Unavailable", "-", "too many connections at once")
            async with asyncio.timeout(self._patience):
                request = await read_request(reader)
            if request.tunnel:
                await self._tunnel(request, reader, writer)
            else:
                await self._plain(request, reader, writer)
        except _RefusedError as refused:
            self._decide(False, refused.target, refused.reason)
            await _answer(writer, refused.status, refused.reason)
        except BadRequestError as error:
            self._decide(False, "-", str(error))
            await _answer(writer, "400 Bad Request", str(error))
        except TimeoutError:
            self._decide(False, "-", "took too long")
            await _answer(writer, "408 Request Timeout", "took too long")
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two went away; there is nobody left to tell
        finally:
            await _close(writer)

    def _decide(self, allowed: bool, target: str, reason: str) -> None:
        target = ascii(target)[1:-1][:300]
        self.decisions.append(Decision(allowed, target, reason))
        _log.info("%s %s %s: %s", self._name, "allowed" if allowed else "refused", target, reason)

    async def _open(self, request: Request) -> tuple[StreamReader, StreamWriter]:
        """Connect to where a request may go, at an address that was looked at."""
        target = f"{request.host}:{request.port}"

        def refused(reason: str, status: str = "403 Forbidden") -> _RefusedError:
            return _RefusedError(status, target, reason)

        try:
            host = host_name(request.host)
        except HostError as error:
            raise refused(str(error)) from None
        if (host, request.port) not in self._allowed:
            raise refused("not an allowed host")
        try:
            async with asyncio.timeout(self._patience):
                found = [_address(each) for each in await self._resolve(host, request.port)]
        except (OSError, UnicodeError, ValueError, TimeoutError):
            raise refused("the name could not be looked up", "502 Bad Gateway") from None
        # One bad address among good ones is how a name is made to point inwards now and then.
        for address in found:
            if reason := refusal(address, self._private):
                raise refused(reason)
        for address in found:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._patience):
                    streams = await asyncio.open_connection(str(address), request.port, limit=_PIECE)
                self._decide(True, target, str(address))
                return streams
        raise refused("the host could not be reached", "502 Bad Gateway")

    async def _tunnel(self, request: Request, reader: StreamReader, writer: StreamWriter) -> None:
        remote_reader, remote_writer = await self._open(request)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            try:
                async with asyncio.timeout(self._patience):
                    greeting = await _greeting(reader, request.host.lower())
            except NotTlsError as error:
                # The tunnel stands, so the answer can only be its end.
                self._decide(False, f"{request.host}:{request.port}", str(error))
                return
            remote_writer.write(greeting)
            await self._both_ways(reader, writer, remote_reader, remote_writer)
        finally:
            await _close(remote_writer)

    async def _plain(self, request: Request, reader: StreamReader, writer: StreamWriter) -> None:
        remote_reader, remote_writer = await self._open(request)
        try:
            remote_writer.write(request.head())
            sending = None if request.length == 0 else asyncio.create_task(forward_body(request, reader, remote_writer))
            try:
                # One request a connection: what follows it could name another host.
                with _Clock(self._idle, writer, remote_writer) as clock:
                    await _copy(remote_reader, writer, clock)
            finally:
                if sending is not None:
                    sending.cancel()
                    ended = (await asyncio.gather(sending, return_exceptions=True))[0]
                    if isinstance(ended, BadRequestError):
                        self._decide(False, f"{request.host}:{request.port}", str(ended))
        finally:
            await _close(remote_writer)

    async def _both_ways(
        self, reader: StreamReader, writer: StreamWriter, remote_reader: StreamReader, remote_writer: StreamWriter
    ) -> None:
        with _Clock(self._idle, writer, remote_writer) as clock:
            ways = {
                asyncio.create_task(_copy(reader, remote_writer, clock)),
                asyncio.create_task(_copy(remote_reader, writer, clock)),
            }
            try:
                await asyncio.wait(ways)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)


class _Clock:
    """Hangs up on both sides when nothing has moved for a time, in either direction.

    Args:
        idle: Seconds.
        ends: Both sides.
    """

    def __init__(self, idle: float, *ends: StreamWriter) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle = idle
        self._ends = ends
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> _Clock:
        self._look()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def touch(self) -> None:
        self._last = self._loop.time()

    def _look(self) -> None:
        until = self._last + self._idle
        if self._loop.time() < until:
            self._timer = self._loop.call_at(until, self._look)
            return
        for end in self._ends:
            end.transport.abort()


async def _copy(reader: StreamReader, writer: StreamWriter, clock: _Clock) -> None:
    try:
        while piece := await reader.read(_PIECE):
            clock.touch()
            writer.write(piece)
            await writer.drain()
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


async def _greeting(reader: StreamReader, host: str) -> bytes:
    """Read the client's TLS greeting, and return it if it asks for the host that was allowed."""
    data = b""
    while (name := server_name(data)) is None:
        if len(data) > LARGEST:
            raise NotTlsError("a malformed TLS greeting")
        piece = await reader.read(_PIECE)
        if not piece:
            raise NotTlsError("the connection ended before its TLS greeting")
        data += piece
    if name != host:
        raise NotTlsError(f"TLS for another host: {name[:200]!a}")
    return data


async def _answer(writer: StreamWriter, status: str, reason: str) -> None:
    body = f"The sandbox may not do this: {reason}.\n".encode()
    # Of a tunnel that is refused, most programs show their user this line alone.
    why = "".join(each for each in reason if " " <= each <= "~")[:120]
    head = f"HTTP/1.1 {status}: {why}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
    with contextlib.suppress(OSError):
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        await writer.drain()


async def _close(writer: StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(5):
            await writer.wait_closed()


def _listen(path: str) -> socket.socket:
    _remove(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        # The sandbox is another user than we are; the folder above keeps everybody else away.
        os.chmod(path, 0o666)
    except OSError:
        listening.close()
        raise
    return listening


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


async def _lookup(host: str, port: int) -> list[str]:
    # A final dot: the search list of this machine must not turn a public name into one of its own network.
    found = await asyncio.get_running_loop().getaddrinfo(f"{host}.", port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def _address(text: str) -> Address:
    return ipaddress.ip_address(text)
