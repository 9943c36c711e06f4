"""Whoever may call the service cannot use it up: what is too much is refused, and what is slow holds up nobody."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from sandbox.errors import LimitError, SandboxError
from sandbox.providers.base import Provider
from tests.sandbox.running import Running
from tests.sandbox.serving import KEY, Service, free_port, serving
from tests.sandbox.test_soak import _figures

MOST_GROWTH_MB = 48


@pytest.fixture
async def service(provider: Provider) -> AsyncIterator[Service]:
    async with serving(provider.name, SANDBOX_MOST="3") as service:
        yield service


async def test_no_more_sandboxes_than_there_may_be(service: Service) -> None:
    client = service.client()
    made = await asyncio.gather(*(client.create() for _ in range(12)), return_exceptions=True)
    refused = [each for each in made if isinstance(each, BaseException)]
    assert len(refused) == 9
    assert all(isinstance(each, LimitError) for each in refused)
    for each in await client.list_sandboxes():
        await client.delete(each["id"])
    assert await client.create()
    await client.close()


async def test_no_more_commands_at_once_than_a_sandbox_can_have(service: Service) -> None:
    client = service.client()
    box = await Running.create(client, limits={"pids": 128})
    runs = [asyncio.create_task(box.shell("sleep 60")) for _ in range(40)]
    done, waiting = await asyncio.wait(runs, timeout=30, return_when=asyncio.FIRST_EXCEPTION)
    assert any(isinstance(each.exception(), LimitError) for each in done)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    for _ in range(100):
        with contextlib.suppress(LimitError):
            assert (await box.shell("echo 1")).out == "1\n"
            break
        await asyncio.sleep(0.1)
    await client.close()


async def test_a_file_that_never_ends_stops_at_the_disk(service: Service) -> None:
    client = service.client()
    box = await Running.create(client, limits={"disk_mb": 8})
    memory = _figures(service.process.pid)[2]

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1_000_000

    with pytest.raises(SandboxError, match=r"full|does not answer"):
        await client.write(box.id, "big", endless())
    with pytest.raises(SandboxError, match=r"larger|does not answer"):
        await client.write_folder(box.id, ".", endless())
    assert _figures(service.process.pid)[2] < memory + MOST_GROWTH_MB
    await client.remove(box.id, "big")
    assert (await box.ok("6 * 7")).result == "42"
    await client.close()


async def test_a_reader_that_does_not_read_holds_up_its_own_code_alone(service: Service) -> None:
    client = service.client()
    one, other = await Running.create(client, limits={"output_bytes": 16_000_000}), await Running.create(client)
    memory = _figures(service.process.pid)[2]
    body = b'{"code": "for i in range(300): print(str(i) * 500_000)", "timeout": 60}'
    head = (
        f"POST /sandboxes/{one.id}/execute HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
        f"Accept: application/x-ndjson\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", int(service.url.rpartition(":")[2]), limit=1024)
    writer.write(head.encode() + body)
    await writer.drain()
    for _ in range(20):
        assert (await other.ok("6 * 7")).result == "42"
        await asyncio.sleep(0.1)
    assert _figures(service.process.pid)[2] < memory + MOST_GROWTH_MB
    writer.close()
    del reader
    await client.close()


async def test_connections_that_say_nothing_or_too_much() -> None:
    port = free_port()
    env = os.environ | {"SANDBOX_API_KEY": KEY}
    command = ("-m", "lra", "sandbox", "serve", "--port", str(port), "--provider", "local", "--pool", "0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    service = Service(f"http://127.0.0.1:{port}", env, process)
    try:
        await service.answers()
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(200)]
        for number, (_, writer) in enumerate(idle):
            writer.write(b"POST /sandboxes HTTP/1.1\r\nHost: x\r\nContent-Le" if number % 2 else b"")
        async with service.http() as http:
            assert (await http.get("/sandboxes")).status_code == 200
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with contextlib.suppress(ConnectionError):
                writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: " + b"y" * 1_000_000)
                assert b" 400 " in await reader.readline()
            writer.close()
            assert (await http.get("/sandboxes")).status_code == 200
        for _, writer in idle:
            writer.close()
    finally:
        await service.stop()
