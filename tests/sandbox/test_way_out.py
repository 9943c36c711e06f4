"""Conformance: limited network, the same on every provider that has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sandbox.errors import InvalidError
from sandbox.hosts import ranges
from sandbox.manager import Manager
from sandbox.probes import PROBES
from sandbox.providers.base import Provider, Spec
from sandbox.providers.docker import DockerProvider
from sandbox.providers.local import LocalProvider
from sandbox.selfcheck import EXHAUSTION, LIMITS, attempt
from tests.sandbox.conftest import PROVIDERS
from tests.sandbox.running import Running


@pytest.fixture(params=PROVIDERS)
async def open_provider(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Provider:
    """A provider for which addresses of this machine may be those of allowed hosts."""
    private = ranges("127.0.0.0/8")
    found: Provider = DockerProvider(private=private) if request.param == "docker" else LocalProvider(private=private)
    reason = await found.check()
    if reason is not None:
        pytest.skip(f"{found.name}: {reason}")

    async def lookup(host: str, port: int) -> list[str]:
        return ["169.254.169.254" if host == "inwards.example" else "127.0.0.1"]

    monkeypatch.setattr("sandbox.egress._lookup", lookup)
    return found


@pytest.fixture
async def open_manager(open_provider: Provider) -> AsyncIterator[Manager]:
    manager = Manager(open_provider)
    await manager.open()
    yield manager
    await manager.close()


@asynccontextmanager
async def web() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(line), line))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


FETCH = """
import urllib.error, urllib.request
def fetch(host):
    try:
        return urllib.request.urlopen(f'http://{host}:PORT/x', timeout=10).read().decode()
    except urllib.error.HTTPError as error:
        return f'{error.code} {error.read().decode()}'
"""

DIRECT = """
import socket
found = []
for place in [('127.0.0.1', PORT), ('169.254.169.254', 80), ('10.0.0.1', 80), ('1.1.1.1', 53)]:
    try:
        socket.create_connection(place, 2).close()
        found.append(place)
    except OSError:
        pass
try:
    found.append(socket.getaddrinfo('allowed.example', 80))
except OSError:
    pass
found
"""


async def test_the_allowed_host_is_reached_and_nothing_else(open_manager: Manager) -> None:
    async with web() as port:
        hosts = [f"allowed.example:{port}", f"inwards.example:{port}"]
        box = await Running.create(open_manager, network="limited", allowed_hosts=hosts)
        await box.ok(FETCH.replace("PORT", str(port)))
        assert (await box.ok("fetch('allowed.example')")).result == repr("GET /x HTTP/1.1")
        for host, why in (
            ("other.example", "not an allowed host"),
            ("inwards.example", "not a public address"),
            ("127.1.1.1", "addresses are refused"),
        ):
            assert why in str((await box.ok(f"fetch({host!r})")).result)
        assert (await box.ok(DIRECT.replace("PORT", str(port)))).result == "[]"
        # Programs that are started find the way too.
        command = f"python3 -c \"import urllib.request; print(urllib.request.urlopen('http://allowed.example:{port}/y').read())\""
        assert "GET /y" in (await box.shell(command)).out


async def test_without_it_there_is_no_way_out(open_manager: Manager) -> None:
    async with web() as port:
        box = await Running.create(open_manager)
        await box.ok(FETCH.replace("PORT", str(port)))
        assert (await box.run("fetch('allowed.example')")).done["status"] == "error"
        assert (await box.shell("ls /run/sandbox/egress.sock")).done["exit"] != 0


async def test_the_sandbox_cannot_put_a_proxy_of_its_own_in_the_place(open_manager: Manager) -> None:
    box = await Running.create(open_manager, network="limited", allowed_hosts=["allowed.example"])
    said = await box.shell("cd /run/sandbox && rm -f egress.sock; mv egress.sock x; touch y; ls")
    assert "egress.sock" in said.out.split()
    assert "y" not in said.out.split()


async def test_one_sandbox_does_not_have_the_hosts_of_another(open_manager: Manager) -> None:
    async with web() as port:
        one = await Running.create(open_manager, network="limited", allowed_hosts=[f"allowed.example:{port}"])
        other = await Running.create(open_manager, network="limited", allowed_hosts=[f"other.example:{port}"])
        for box, theirs in ((one, "other.example"), (other, "allowed.example")):
            await box.ok(FETCH.replace("PORT", str(port)))
            assert "not an allowed host" in str((await box.ok(f"fetch({theirs!r})")).result)


async def test_who_takes_the_sandbox_over_has_the_way_out_again(open_provider: Provider) -> None:
    async with web() as port:
        spec = Spec(network="limited", allowed_hosts=(f"allowed.example:{port}",))
        box = await open_provider.start(spec)
        taken = None
        try:
            state = json.loads(json.dumps(box.state))
            # Whoever only looks at it takes nothing.
            assert await open_provider.find(state) is not None
            await box.proxy.close()  # type: ignore[attr-defined]
            taken = await open_provider.adopt(state)
            assert taken is not None
            reader, writer = await asyncio.open_unix_connection(taken.proxy._path)  # type: ignore[attr-defined]
            writer.write(
                f"GET http://allowed.example:{port}/z HTTP/1.1\r\nHost: allowed.example:{port}\r\n\r\n".encode()
            )
            assert b"GET /z" in await reader.read()
            writer.close()
        finally:
            await (box if taken is None else taken).kill()


@pytest.mark.parametrize("hosts", [["*"], ["*.com"], ["10.0.0.1"], ["a b"], ["host:0"], ["a.b\0c"]])
async def test_hosts_that_are_none_are_refused(open_manager: Manager, hosts: list[str]) -> None:
    with pytest.raises(InvalidError, match="allowed host"):
        await open_manager.create(network="limited", allowed_hosts=hosts)
    assert await open_manager.list_sandboxes() == []


async def test_the_local_provider_gives_no_more_than_it_can_hold() -> None:
    with pytest.raises(InvalidError, match="no unrestricted network"):
        await LocalProvider().start(Spec(network="unrestricted"))


async def test_no_probe_gets_through_with_a_way_out(open_manager: Manager) -> None:
    options = {"limits": LIMITS, "network": "limited", "allowed_hosts": ["allowed.example"]}
    sandbox_id = (await open_manager.create(**options))["id"]
    problems = {probe.name: await attempt(open_manager, sandbox_id, probe.code) for probe in PROBES}
    assert {name: problem for name, problem in problems.items() if problem} == {}


async def test_the_way_out_survives_what_breaks_things(open_manager: Manager) -> None:
    async with web() as port:
        hosts = [f"allowed.example:{port}"]
        for name in ("fork bomb", "forged answers", "killing everything"):
            box = await Running.create(open_manager, limits=LIMITS, network="limited", allowed_hosts=hosts)
            assert await attempt(open_manager, box.id, EXHAUSTION[name]) is None
            await box.ok(FETCH.replace("PORT", str(port)))
            found = ""
            for _ in range(50):
                # What carries it is the user's own process, which code may end; there is another one soon.
                found = str((await box.run("fetch('allowed.example')")).result)
                if "GET" in found:
                    break
                await asyncio.sleep(0.1)
            assert found == repr("GET /x HTTP/1.1")
