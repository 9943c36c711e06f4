"""The egress proxy, spoken to over its socket as a program in a sandbox would."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sandbox.client_hello import NotTlsError, server_name
from sandbox.egress import EgressProxy
from tests.sandbox.test_hosts import HOSTILE

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8")]


@dataclass
class Upstream:
    """A host that keeps what it is sent, and answers once nothing more comes."""

    port: int = 0
    got: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = len(self.got)
        self.got.append(b"")
        try:
            while piece := await asyncio.wait_for(reader.read(65536), None if not self.got[at] else 0.1):
                self.got[at] += piece
        except TimeoutError:
            pass
        if self.got[at]:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        writer.close()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    host = Upstream()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    yield host
    server.close()


@asynccontextmanager
async def running(
    path: Path,
    *allowed: str,
    addresses: tuple[str, ...] = ("127.0.0.1",),
    private: bool = True,
    patience: float = 15.0,
    idle: float = 300.0,
) -> AsyncIterator[EgressProxy]:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    proxy = EgressProxy(allowed, private=LOOPBACK if private else [], resolver=resolve, patience=patience, idle=idle)
    await proxy.start(str(path / "egress.sock"))
    try:
        yield proxy
    finally:
        await proxy.close()


async def say(path: Path, data: bytes, *, then: bytes = b"", ends: bool = True) -> bytes:
    """Send what a client would, and return everything that came back until the end."""
    reader, writer = await asyncio.open_unix_connection(str(path / "egress.sock"))
    try:
        writer.write(data)
        answer = b""
        if then:
            answer = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " in answer.split(b"\r\n")[0]:
                writer.write(then)
        if ends:
            writer.write_eof()
        return answer + await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def greeting(name: str | None) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def test_a_page_of_an_allowed_host(tmp_path: Path, upstream: Upstream) -> None:
    async with running(tmp_path, f"example.com:{upstream.port}") as proxy:
        url = f"http://Example.com:{upstream.port}/a?b#c"
        request = f"GET {url} HTTP/1.1\r\nHost: evil.test\r\nX-Kept: 1\r\nProxy-Authorization: secret\r\n\r\n"
        answer = await say(tmp_path, request.encode())
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"hi")
    sent = upstream.got[0]
    assert sent.startswith(b"GET /a?b HTTP/1.1\r\nHost: Example.com:")
    assert b"X-Kept: 1" in sent
    assert b"evil.test" not in sent
    assert b"secret" not in sent
    assert [(each.allowed, each.reason) for each in proxy.decisions] == [(True, "127.0.0.1")]


@pytest.mark.parametrize(
    ("body", "arrived"),
    [
        ("Content-Length: 3\r\n\r\nabcEND", b"abc"),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\nEND", b"3\r\nabc\r\n0\r\n\r\n"),
        ("\r\nGET http://evil.test/ HTTP/1.1\r\nEND", b""),
    ],
    ids=["length", "chunks", "none"],
)
async def test_nothing_behind_the_body_is_passed_on(
    tmp_path: Path, upstream: Upstream, body: str, arrived: bytes
) -> None:
    async with running(tmp_path, f"example.com:{upstream.port}"):
        await say(tmp_path, f"POST http://example.com:{upstream.port}/ HTTP/1.1\r\n{body}".encode())
    assert upstream.got[0].partition(b"\r\n\r\n")[2] == arrived


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/1.1\r\n\r\n",
        "GET ftp://example.com/ HTTP/1.1\r\n\r\n",
        "GET http://example.com/ HTTP/2\r\n\r\n",
        "GET  http://example.com/ HTTP/1.1\r\n\r\n",
        "GET http://user@example.com/ HTTP/1.1\r\n\r\n",
        "GET http://example.com\\@evil.test/ HTTP/1.1\r\n\r\n",
        "GET http://example.com/ HTTP/1.1\nHost: x\n\n",
        "GET http://example.com/ HTTP/1.1\r\nBad Header: x\r\n\r\n",
        "GET http://example.com/ HTTP/1.1\r\nX: a\rb\r\n\r\n",
        "GET http://example.com/ HTTP/1.1\r\n folded: x\r\n\r\n",
        "POST http://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST http://example.com/ HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        "POST http://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST http://example.com/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "CONNECT example.com HTTP/1.1\r\n\r\n",
        "CONNECT example.com:0 HTTP/1.1\r\n\r\n",
        "CONNECT example.com:99999 HTTP/1.1\r\n\r\n",
        "CONNECT example.com:443@evil.test:443 HTTP/1.1\r\n\r\n",
        "CONNECT http://example.com:443 HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x00\x05hello\r\n\r\n",
        "\r\n",
        "X" * 70_000 + "\r\n\r\n",
        "GET http://example.com/ HTTP/1.1\r\n" + "X: y\r\n" * 10_000 + "\r\n",
    ],
    ids=lambda text: ascii(text[:60]),
)
async def test_a_request_that_could_be_read_in_two_ways_is_refused(tmp_path: Path, request_text: str) -> None:
    async with running(tmp_path, "example.com") as proxy:
        answer = await say(tmp_path, request_text.encode("latin-1"))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
        assert [each.allowed for each in proxy.decisions] == [False]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
async def test_a_hostile_name_reaches_nothing(tmp_path: Path, upstream: Upstream, name: str) -> None:
    place = f"{name}:{upstream.port}".encode()
    async with running(tmp_path, f"example.com:{upstream.port}", f"*.example.com:{upstream.port}") as proxy:
        assert b" 200 " not in await say(tmp_path, b"CONNECT " + place + b" HTTP/1.1\r\n\r\n")
        assert b" 200 " not in await say(tmp_path, b"GET http://" + place + b"/ HTTP/1.1\r\n\r\n")
        assert not any(each.allowed for each in proxy.decisions)
        assert len(proxy.decisions) >= 1
        assert all(each.target.isprintable() for each in proxy.decisions)
    assert upstream.got == []


async def test_a_tunnel_to_an_allowed_host(tmp_path: Path, upstream: Upstream) -> None:
    hello = greeting("example.com")
    async with running(tmp_path, f"example.com:{upstream.port}") as proxy:
        request = f"CONNECT example.com:{upstream.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        answer = await say(tmp_path, request, then=hello + b"END")
        assert answer.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")
        assert upstream.got == [hello + b"END"]
        assert [each.allowed for each in proxy.decisions] == [True]


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (lambda: greeting("evil.test"), "another host"),
        (lambda: greeting("www.example.com"), "another host"),
        (lambda: greeting(None), "without a server name"),
        (lambda: b"GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n", "not TLS"),
        (lambda: b"SSH-2.0-x\r\n", "not TLS"),
        (lambda: b"\x16\x03\x01\xff\xff" + b"x" * 100, "malformed"),
        (lambda: b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "malformed"),
        (lambda: greeting("example.com")[:50], "ended"),
    ],
    ids=["other", "subdomain", "none", "http", "ssh", "record", "kind", "half"],
)
async def test_a_tunnel_carries_tls_to_its_own_host_alone(
    tmp_path: Path, upstream: Upstream, first: Callable[[], bytes], reason: str
) -> None:
    async with running(tmp_path, f"example.com:{upstream.port}") as proxy:
        request = f"CONNECT example.com:{upstream.port} HTTP/1.1\r\n\r\n".encode()
        await say(tmp_path, request, then=first())
        assert [each.allowed for each in proxy.decisions] == [True, False]
        assert reason in proxy.decisions[-1].reason
    assert b"".join(upstream.got) == b""


def test_a_greeting_in_small_records_is_read_whole() -> None:
    hello = greeting("example.com")
    body = hello[5:]
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    split = b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)
    assert server_name(split) == "example.com"
    assert all(server_name(split[:cut]) is None for cut in range(0, len(split) - 1, 50))


def test_a_hidden_name_is_refused() -> None:
    hello = bytearray(greeting("example.com"))
    extra = b"\xfe\x0d\x00\x01\x00"
    # The lengths of the record, the message and the extensions all grow by what is added.
    for at, size in ((3, 2), (6, 3), (5 + 4 + 34 + 1 + 32 + 2 + _suites(hello) + 2, 2)):
        hello[at : at + size] = (int.from_bytes(hello[at : at + size], "big") + len(extra)).to_bytes(size, "big")
    with pytest.raises(NotTlsError, match="encrypted"):
        server_name(bytes(hello) + extra)


def _suites(hello: bytes | bytearray) -> int:
    at = 5 + 4 + 34 + 1 + 32
    return int.from_bytes(hello[at : at + 2], "big")


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("169.254.169.254",),
        ("10.0.0.1",),
        ("::1",),
        ("::ffff:169.254.169.254",),
        ("fd00:ec2::254",),
        ("1.1.1.1", "127.0.0.1"),
    ],
    ids=" ".join,
)
async def test_an_allowed_name_that_points_inwards_is_refused(tmp_path: Path, addresses: tuple[str, ...]) -> None:
    async with running(tmp_path, "example.com", addresses=addresses, private=False) as proxy:
        answer = await say(tmp_path, b"CONNECT example.com:443 HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 403")
        assert "not a public address" in proxy.decisions[0].reason


async def test_a_host_that_is_not_there_is_said(tmp_path: Path) -> None:
    async with running(tmp_path, "example.com:1", addresses=("127.0.0.1",)) as proxy:
        answer = await say(tmp_path, b"CONNECT example.com:1 HTTP/1.1\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502")
        assert "could not be reached" in proxy.decisions[0].reason


async def test_a_client_that_says_nothing_is_let_go(tmp_path: Path) -> None:
    async with running(tmp_path, "example.com", patience=0.05):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "egress.sock"))
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        writer.close()


async def test_no_more_than_so_many_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, "example.com"):
        held = [await asyncio.open_unix_connection(str(tmp_path / "egress.sock")) for _ in range(64)]
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "egress.sock"))
        assert (await reader.read()).startswith(b"HTTP/1.1 503")
        for _, each in [*held, (reader, writer)]:
            each.close()


async def test_a_socket_that_a_dead_process_left_is_replaced(tmp_path: Path) -> None:
    async with running(tmp_path, "example.com"):
        pass
    (tmp_path / "egress.sock").touch()
    async with running(tmp_path, "example.com"):
        assert (await say(tmp_path, b"GET http://other.example/ HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 403")
    assert not (tmp_path / "egress.sock").exists()


@pytest.mark.parametrize("tunnel", [True, False], ids=["tunnel", "page"])
async def test_a_connection_on_which_nothing_moves_is_closed(tmp_path: Path, tunnel: bool) -> None:
    came = asyncio.Event()
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        came.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    silent = await asyncio.start_server(serve, "127.0.0.1", 0)
    place = f"example.com:{silent.sockets[0].getsockname()[1]}"
    async with running(tmp_path, place, idle=0.1):
        if tunnel:
            head = f"CONNECT {place} HTTP/1.1\r\n\r\n".encode()
            answer = await say(tmp_path, head, then=greeting("example.com"), ends=False)
            assert answer.startswith(b"HTTP/1.1 200")
        else:
            assert await say(tmp_path, f"GET http://{place}/ HTTP/1.1\r\n\r\n".encode(), ends=False) == b""
        await came.wait()
        await gone.wait()
    silent.close()
