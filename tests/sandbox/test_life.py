"""Conformance: sandboxes end when they should, and are found again when they should not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.errors import GoneError, InvalidError, LimitError, NotFoundError, UnavailableError
from sandbox.link import Link
from sandbox.manager import Manager
from sandbox.providers import registry
from sandbox.providers.base import Provider, Spec
from sandbox.providers.local import LocalProvider
from sandbox.providers.local.provider import LocalBox
from tests.sandbox.running import Running


async def _until_gone(alive: object, seconds: float = 15) -> None:
    for _ in range(int(seconds * 10)):
        if not await alive():  # type: ignore[operator]
            return
        await asyncio.sleep(0.1)
    pytest.fail("it still runs")


async def test_create_list_get_delete(manager: Manager) -> None:
    made = await manager.create(metadata={"who": "test"})
    assert made["status"] == "idle"
    assert [each["id"] for each in await manager.list_sandboxes()] == [made["id"]]
    assert (await manager.get(made["id"]))["metadata"] == {"who": "test"}
    await manager.delete(made["id"])
    assert await manager.list_sandboxes() == []
    with pytest.raises(NotFoundError):
        await manager.get(made["id"])


async def test_idle_and_old_sandboxes_end(manager: Manager) -> None:
    idle = await manager.create(idle_seconds=1)
    old = await Running.create(manager, lifetime_seconds=2)
    for _ in range(100):
        if not await manager.list_sandboxes():
            break
        await asyncio.sleep(0.1)
    assert await manager.list_sandboxes() == []
    with pytest.raises(NotFoundError):
        await manager.get(idle["id"])
    with pytest.raises(NotFoundError):
        await old.run("1")


async def test_there_is_a_most(provider: Provider) -> None:
    manager = Manager(provider, most=1)
    await manager.create()
    with pytest.raises(LimitError):
        await manager.create()
    await manager.close()


async def test_closing_leaves_nothing(provider: Provider, run_folder: Path) -> None:
    manager = Manager(provider)
    box = await Running.create(manager)
    inside = manager._find(box.id).box
    await box.shell("setsid sleep 300 & disown")
    await manager.close()
    assert not await inside.alive()
    assert [path for path in run_folder.rglob("*") if not path.is_dir() and path.parent.name != "checked"] == []


async def test_a_guest_whose_lease_ends_exits_by_itself(provider: Provider) -> None:
    box = await provider.start(Spec(lease_seconds=1))
    assert await box.alive()
    await _until_gone(box.alive)
    await box.kill()


async def test_a_guest_is_kept_by_pings_alone(provider: Provider) -> None:
    spec = Spec(lease_seconds=1)
    box = await provider.start(spec)
    link = await Link.open(box, spec)
    await asyncio.sleep(2.5)
    assert (await link.ask("ping"))[0]["event"] == "done"
    await link.close()
    await box.kill()


async def test_a_connection_without_the_token_is_turned_away(provider: Provider) -> None:
    spec = Spec()
    box = await provider.start(spec)
    try:
        with pytest.raises(GoneError):
            await Link.open(box, Spec(sandbox_id=spec.sandbox_id, token="wrong"))
        for junk in (b"\xff\xff\xff\xff", b"\0\0\0\5hello", b"\0\0\x20\0", b"\0\0\0\2[]"):
            reader, writer = await box.connect()
            writer.write(junk)
            if junk == b"\0\0\x20\0":
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        link = await Link.open(box, spec)
        await link.close()
    finally:
        await box.kill()


@pytest.mark.parametrize(
    "options",
    [
        {"language": "cobol"},
        {"limits": {"memory_mb": -1}},
        {"limits": {"nonsense": 1}},
        {"env": {"A=B": "x"}},
        {"env": {"A": "x\0"}},
        {"unknown": 1},
        {"network": "limited and more"},
        {"allowed_hosts": ["example.org"]},
        {"idle_seconds": float("nan")},
        {"metadata": {"a": "x" * 40_000}},
    ],
)
async def test_wrong_options_are_refused(manager: Manager, options: dict[str, object]) -> None:
    with pytest.raises(InvalidError):
        await manager.create(**options)


OWNER = """
import asyncio, json, sys
from sandbox.manager import Manager
async def main():
    manager = Manager(sys.argv[1], lasting=sys.argv[2] == "lasting")
    await manager.open()
    made = await manager.create()
    async for event in manager.execute(made["id"], "kept = 42"):
        pass
    print(made["id"], flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def _killed_owner(provider: Provider, how: str) -> str:
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, provider.name, how, stdout=subprocess.PIPE, cwd=root, env=os.environ.copy()
    )
    assert process.stdout is not None
    sandbox_id = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
    process.kill()
    await process.wait()
    return sandbox_id


async def test_a_killed_owners_sandbox_is_adopted_with_its_names(provider: Provider) -> None:
    sandbox_id = await _killed_owner(provider, "lasting")
    manager = Manager(provider, lasting=True)
    assert await manager.open() == [sandbox_id]
    assert (await Running(manager, sandbox_id).ok("kept")).result == "42"
    await manager.close()


async def test_what_was_not_meant_to_last_is_ended_and_nothing_is_left(provider: Provider, run_folder: Path) -> None:
    sandbox_id = await _killed_owner(provider, "passing")
    state = json.loads((run_folder / "records" / f"{sandbox_id}.json").read_text())["state"]
    manager = Manager(provider, lasting=True)
    assert await manager.open() == []
    assert await provider.adopt(state) is None
    await manager.close()
    assert [path for path in run_folder.rglob("*") if not path.is_dir() and path.parent.name != "checked"] == []


async def test_one_process_does_not_take_what_another_still_owns(provider: Provider) -> None:
    first = Manager(provider, lasting=True)
    await first.open()
    box = await Running.create(first)
    second = Manager(provider, lasting=True)
    assert await second.open() == []
    await second.close()
    assert (await box.ok("1 + 1")).result == "2"
    await first.close()


async def test_auto_goes_on_to_the_next_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hollow(LocalProvider):
        """Looks well, and can start nothing."""

        name = "hollow"

        async def check(self) -> str | None:
            return None

        async def start(self, spec: Spec) -> LocalBox:
            raise UnavailableError("It can start nothing.")

    real = LocalProvider()
    if await real.check() is not None:
        pytest.skip("there is no other one here")
    monkeypatch.setattr(registry, "names", lambda: ["hollow", "local"])
    monkeypatch.setattr(registry, "load", {"hollow": Hollow(), "local": real}.__getitem__)
    manager = Manager("auto")
    assert (await manager.create())["provider"] == "local"
    await manager.close()
