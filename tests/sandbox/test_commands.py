"""`lra sandbox logs`, `prune` and `build`, as a person calls them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from sandbox import records
from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.registry import load
from tests.sandbox.running import Running
from tests.sandbox.serving import KEY, Service, serving


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LRA_HOME", str(tmp_path))
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:1")


async def _lra(*arguments: str, **env: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lra",
        "sandbox",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | env,
    )
    out, err = await asyncio.wait_for(process.communicate(), 55)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_logs_of_a_sandbox_here_and_of_a_service(provider: Provider) -> None:
    manager = Manager(provider)
    box = await Running.create(manager)
    assert await _lra("logs", box.id) == (0, "It has said nothing.\n", "")
    await manager.close()
    async with serving(provider.name) as service:
        client = service.client()
        made = await Running.create(client)
        assert (await _lra("logs", made.id, SANDBOX_URL=service.url, SANDBOX_API_KEY=KEY))[0] == 0
        await client.close()
    for name in (box.id, "none", "../x"):
        code, _, err = await _lra("logs", name)
        assert code == 1
        assert "There is no sandbox" in err


async def test_prune_ends_what_nobody_owns_and_nothing_else(provider: Provider) -> None:
    service = await Service.start(provider.name)
    client = service.client()
    orphan = await Running.create(client)
    await client.close()
    await service.kill()
    manager = Manager(provider)
    owned = await Running.create(manager)
    record = records.read(orphan.id)
    assert record is not None
    code, out, err = await _lra("prune", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"sandboxes": [orphan.id], "images": [], "problems": []}
    assert await load(provider.name).find(record.state) is None
    assert (await owned.ok("1 + 1")).result == "2"
    assert await _lra("prune") == (0, "There was nothing to remove.\n", "")
    await manager.close()


async def test_build_makes_an_image_where_there_are_images(provider: Provider) -> None:
    code, out, err = await _lra("build", "--provider", provider.name)
    if provider.name == "docker":
        assert (code, out) == (0, "longrunningagents-kernel:latest is there.\n"), err
        code, _, err = await _lra("build", "--provider", "docker", "--", "--evil")
        assert code != 0
        assert "is not the name of a Python package" in err
    else:
        assert code != 0
        assert "builds nothing" in err
    assert (await _lra("build", "--provider", "none-such"))[0] != 0
