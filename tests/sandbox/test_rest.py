"""The service over HTTP: what is beside running code."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator

import httpx
import pytest

from sandbox.errors import ConflictError, InvalidError, NotFoundError
from sandbox.providers.base import Provider
from tests.sandbox.running import Running
from tests.sandbox.serving import Service, serving


@pytest.fixture
async def service(provider: Provider) -> AsyncIterator[Service]:
    async with serving(provider.name) as service:
        yield service


async def test_a_paused_sandbox_keeps_its_names_and_runs_nothing(service: Service) -> None:
    client = service.client()
    box = await Running.create(client, idle_seconds=1)
    await box.ok("kept = 1")
    await client.write(box.id, "a.txt", b"a")
    await client.pause(box.id)
    await client.pause(box.id)
    assert (await client.get(box.id))["status"] == "paused"
    with pytest.raises(ConflictError, match="paused"):
        await box.run("kept")
    assert await box.read("a.txt") == b"a"
    await client.resume(box.id)
    await client.resume(box.id)
    assert (await box.ok("kept")).result == "1"
    await client.close()


async def test_packages_are_added_to_a_sandbox_without_network(service: Service) -> None:
    client = service.client()
    box = await Running.create(client)
    await box.ok("try:\n    import idna\n    print(idna.__file__)\nexcept ImportError: pass")
    added = await client.add_packages(box.id, {"pip": ["idna"]})
    assert [each.partition("-")[0] for each in added] == ["idna"]
    again = "import sys; sys.modules.pop('idna', None); sys.path.reverse(); import idna; idna.__file__"
    assert ".packages/idna" in (await box.ok(again)).result
    assert "idna" in {each["name"] for each in await client.list_packages(box.id)}
    for names in (["no-such-package-of-anybody"], ["--index-url=x"], ["a; rm -rf /"], ["../x"], ["x @ file:///etc"]):
        with pytest.raises(InvalidError):
            await client.add_packages(box.id, {"pip": names})
    with pytest.raises(InvalidError):
        await client.add_packages(box.id, {"npm": ["left-pad"]})
    await client.restart(box.id)
    assert (await box.shell("python -c 'import idna'")).done["exit"] == 0
    await client.close()


async def test_folders_go_up_and_down_as_archives(service: Service) -> None:
    client = service.client()
    box = await Running.create(client)
    await client.write(box.id, "d/e/é.txt", b"x" * 1000)
    await client.write(box.id, "d/big", b"\1" * 700_000)
    await box.shell("ln -s /etc/passwd d/out; mkfifo d/pipe")
    packed = b"".join([piece async for piece in client.read_folder(box.id, "d")])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        sizes = {each.name: each.size for each in archive if each.isfile()}
        assert sizes == {"e/é.txt": 1000, "big": 700_000}
        assert "out" not in archive.getnames()

    async def whole() -> AsyncIterator[bytes]:
        for at in range(0, len(packed), 100_000):
            yield packed[at : at + 100_000]

    assert await client.write_folder(box.id, "copy", whole()) == 2
    assert await box.read("copy/big") == b"\1" * 700_000
    with pytest.raises(NotFoundError):
        _ = [piece async for piece in client.read_folder(box.id, "nowhere")]
    await client.close()


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "link"])
async def test_an_archive_writes_nothing_outside(service: Service, name: str) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        if name == "link":
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        else:
            entry.size = 3
        archive.addfile(entry, io.BytesIO(b"out"))
    async with service.http() as http:
        at = f"/sandboxes/{(await http.post('/sandboxes')).json()['id']}"
        answer = await http.put(f"{at}/files/archive", content=made.getvalue())
        if answer.status_code == 200:
            # What looks like the root is the workspace.
            assert name == "/etc/out"
            assert (await http.get(f"{at}/files/content", params={"path": "etc/out"})).content == b"out"
        else:
            assert answer.status_code in {403, 422}
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.put(f"{at}/files/archive", content=b"no archive" * 100)).status_code == 422
        found = (await http.get(f"{at}/files", params={"recursive": True})).json()["entries"]
        assert {each["path"] for each in found} <= {"etc", "etc/out"}


async def test_the_key_of_a_sandbox_opens_nothing_else(service: Service) -> None:
    async with service.http() as http:
        one, other = [(await http.post("/sandboxes")).json() for _ in range(2)]
        assert "token" not in (await http.get(f"/sandboxes/{one['id']}")).json()
    async with service.http(one["token"]) as http:
        at = f"/sandboxes/{one['id']}"
        ran = await http.post(f"{at}/execute", json={"code": "1 + 1"})
        assert ran.json()["result"] == {"text/plain": "2"}
        for method, path in (
            ("GET", "/sandboxes"),
            ("POST", "/sandboxes"),
            ("GET", "/metrics"),
            ("GET", f"/sandboxes/{other['id']}"),
            ("DELETE", f"/sandboxes/{other['id']}"),
            ("GET", "/sandboxes/none"),
        ):
            assert (await http.request(method, path)).status_code == 403, path
        assert (await http.delete(at)).status_code == 204
        assert (await http.get(at)).status_code == 403
    async with service.http("sbt_wrong") as http:
        assert (await http.get(f"/sandboxes/{other['id']}")).status_code == 403


async def test_figures_are_counted(service: Service) -> None:
    async with service.http() as http:
        at = f"/sandboxes/{(await http.post('/sandboxes')).json()['id']}"
        await http.post(f"{at}/execute", json={"code": "1"})
        await http.post(f"{at}/execute", json={"code": "1 / 0"})
        answer = await http.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        lines = answer.text.splitlines()
        assert 'lra_sandbox_calls_total{kind="cell",status="ok"} 1' in lines
        assert 'lra_sandbox_calls_total{kind="cell",status="error"} 1' in lines
        assert 'lra_sandbox_call_seconds_count{kind="cell"} 2' in lines
        assert any(line.startswith("lra_sandbox_sandboxes{") and line.endswith(" 1") for line in lines)
        assert all(line.startswith("#") or float(line.rpartition(" ")[2]) >= 0 for line in lines)
        await http.delete(at)
        assert 'lra_sandbox_ended_total{why="deleted"} 1' in (await http.get("/metrics")).text.splitlines()


async def test_every_wrong_request_has_a_problem_for_an_answer(service: Service) -> None:
    async with service.http() as http:
        at = f"/sandboxes/{(await http.post('/sandboxes')).json()['id']}"
        wrong: list[tuple[httpx.Response, int]] = [
            (await http.patch("/sandboxes"), 405),
            (await http.get("/nowhere"), 404),
            (await http.post(f"{at}/execute", content=b'{"code": "' + b"x" * 5_000_000 + b'"}'), 413),
            (await http.post(f"{at}/execute", content=b"[" * 100_000), 422),
            (await http.post(f"{at}/execute", json={"code": "1", "timeout": -1}), 422),
            (await http.post(f"{at}/execute", content=b'{"code": "1", "timeout": NaN}'), 422),
            (await http.post("/sandboxes", json={"limits": {"memory_mb": 10**9}}), 422),
            (await http.post("/sandboxes", json={"metadata": {"a": "\0"}}), 422),
            (await http.put(f"{at}/files/content", params={"path": "../x"}, content=b"x"), 403),
            (await http.get(f"{at}/files/content", params={"path": "none"}), 404),
            (await http.get(f"{at}/files/content", params={"path": "x" * 5000}), 422),
        ]
        for answer, status in wrong:
            assert answer.status_code == status, (answer.request.url, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status
        # What is no valid Unicode is refused, and comes back when code makes it.
        assert (await http.post("/sandboxes", content=b'{"metadata": {"a": "\\ud800"}}')).status_code == 422
        code = "class Odd:\n    def _repr_html_(self): return chr(0xD800)\nOdd()"
        assert (await http.post(f"{at}/execute", json={"code": code})).status_code == 200


async def test_it_starts_with_reload_and_ends_its_sandboxes(provider: Provider) -> None:
    service = await Service.start(provider.name, more=("--reload", "--reload-dir", "sandbox/guest"))
    try:
        async with service.http() as http:
            assert (await http.get("/openapi.json")).json()["info"]["title"] == "lra sandbox"
            assert (await http.post("/sandboxes")).status_code == 201
    finally:
        await service.stop()
    assert [each async for each in _left()] == []


async def _left() -> AsyncIterator[str]:
    from sandbox.client import list_here

    for each in await list_here():
        yield each["id"]
