"""The service over HTTP, as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from sandbox.client import SERVICE, Client, connect
from sandbox.errors import DeniedError, NotFoundError
from sandbox.http_client import HttpClient
from sandbox.manager import Manager
from sandbox.providers.base import Provider
from tests.sandbox.running import Running

ROOT = Path(__file__).parents[2]
KEY = "a-key"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def _service(provider: str, key: str | None = None) -> AsyncIterator[str]:
    url = f"http://127.0.0.1:{_free_port()}"
    env = os.environ | {"LRA_SANDBOX_PROVIDER": provider} | ({"SANDBOX_API_KEY": key} if key else {})
    command = [sys.executable, "-m", "uvicorn", "sandbox.server:app", "--port", url.rpartition(":")[2]]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with httpx.AsyncClient() as http:
            for _ in range(300):
                with contextlib.suppress(httpx.HTTPError):
                    await http.get(f"{url}/health")
                    break
                await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


@pytest.fixture
async def keyed(provider: Provider) -> AsyncIterator[str]:
    async with _service(provider.name, KEY) as url:
        yield url


@pytest.fixture
async def client(keyed: str) -> AsyncIterator[Client]:
    client = await connect(keyed, KEY)
    assert isinstance(client, HttpClient)
    yield client
    await client.close()


async def test_the_same_interface_works_over_http(client: Client) -> None:
    box = await Running.create(client, metadata={"a": "b"})
    await box.ok("x = 20\nprint('hi')")
    ran = await box.ok("x + 22")
    assert ran.result == "42"
    assert (await box.shell("echo out; exit 2")).done["exit"] == 2
    assert await client.write(box.id, "d/é.bin", b"\0" * 600_000) == 600_000
    assert await box.read("d/é.bin") == b"\0" * 600_000
    assert [each["path"] for each in (await client.list_files(box.id, "d"))["entries"]] == ["d/é.bin"]
    await client.remove(box.id, "d", recursive=True)
    with pytest.raises(NotFoundError):
        await box.read("d/é.bin")
    await client.restart(box.id)
    assert (await box.run("x")).done["name"] == "NameError"
    assert [each["id"] for each in await client.list_sandboxes()] == [box.id]
    assert (await client.health())["ready"]
    await client.delete(box.id)
    with pytest.raises(NotFoundError):
        await client.get(box.id)


async def test_answers_as_one_object_and_as_lines(keyed: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=keyed, headers=headers, timeout=30) as http:
        made = await http.post("/sandboxes")
        assert made.status_code == 201
        at = f"/sandboxes/{made.json()['id']}"
        whole = (await http.post(f"{at}/execute", json={"code": "print('a')\n1 + 1"})).json()
        assert (whole["type"], whole["success"], whole["stdout"], whole["stderr"]) == ("result", True, "a\n", "")
        assert whole["result"]["text/plain"] == "2"
        failed = (await http.post(f"{at}/execute", json={"code": "1 / 0"})).json()
        assert (failed["type"], failed["success"], failed["name"]) == ("error", False, "ZeroDivisionError")
        ndjson = {"Accept": "application/x-ndjson"}
        lines = (await http.post(f"{at}/execute", json={"code": "print('a')"}, headers=ndjson)).text.splitlines()
        assert [json.loads(line)["event"] for line in lines] == ["stdout", "done"]


async def test_problems_are_typed(keyed: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=keyed, headers=headers) as http:
        for answer, status in (
            (await http.get("/sandboxes/none"), 404),
            (await http.get("/nowhere"), 404),
            (await http.post("/sandboxes", json={"language": "cobol"}), 422),
            (await http.post("/sandboxes", json={"surprise": 1}), 422),
            (await http.post("/sandboxes", content=b"{"), 422),
            (await http.post("/sandboxes/none/execute", json={"code": "1"}), 404),
        ):
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            body = answer.json()
            assert body["status"] == status
            assert body["type"].startswith("urn:lra-sandbox:")
            assert body["detail"]
        assert (await http.get("/openapi.json")).json()["paths"]["/sandboxes/{sandbox_id}/execute"]


async def test_a_caller_that_hangs_up_interrupts_its_code(client: Client, keyed: str) -> None:
    box = await Running.create(client)
    await box.ok("kept = 1")
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=keyed, headers=headers) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(f"/sandboxes/{box.id}/execute", json={"code": "while True: pass"}, timeout=1)
    for _ in range(100):
        if (await client.get(box.id))["status"] == "idle":
            break
        await asyncio.sleep(0.1)
    assert (await box.ok("kept")).result == "1"


async def test_a_key_is_asked_for_and_compared(keyed: str) -> None:
    async with httpx.AsyncClient(base_url=keyed) as http:
        assert (await http.get("/health")).json()["service"] == SERVICE
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": KEY}, {"Authorization": "Bearer é"}):
            given = {name.encode(): value.encode() for name, value in headers.items()}
            for answer in (await http.get("/sandboxes", headers=given), await http.post("/sandboxes", headers=given)):
                assert answer.status_code == (403 if headers else 401)
                assert headers or answer.headers["www-authenticate"] == "Bearer"
    with pytest.raises(DeniedError):
        await connect(keyed, "wrong")


async def test_without_a_key_no_web_page_and_no_other_name_may_call(provider: Provider) -> None:
    async with _service(provider.name) as url, httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/sandboxes")).status_code == 200
        assert (await http.get("/sandboxes", headers={"Origin": "http://evil.example"})).status_code == 403
        assert (await http.get("/sandboxes", headers={"Host": "evil.example:8000"})).status_code == 403


async def test_a_public_bind_without_a_key_is_refused() -> None:
    from sandbox.client import serve

    for host in ("0.0.0.0", "::", "192.0.2.7"):
        with pytest.raises(DeniedError):
            serve(host, 1, None, "auto")


async def test_what_answers_as_something_else_gets_no_key_and_no_code() -> None:
    seen: list[bytes] = []

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await connect(f"http://127.0.0.1:{port}", "secret-key")
    assert isinstance(client, Manager)
    assert seen
    assert b"secret-key" not in b"".join(seen)
    server.close()
