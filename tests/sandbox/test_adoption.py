"""The service is killed: live kernels are taken over with their variables, and without a successor nothing is left."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import records
from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.registry import load
from tests.sandbox.running import Running
from tests.sandbox.serving import Service

MANY = int(os.environ.get("LRA_SOAK_SANDBOXES", "5"))
LIMITS = {"memory_mb": 128, "pids": 32, "disk_mb": 8, "cpus": 0.5}


@pytest.mark.timeout(600)
async def test_a_restarted_service_takes_over_every_live_kernel(provider: Provider) -> None:
    service = await Service.start(provider.name, SANDBOX_POOL="1")
    try:
        client = service.client()
        boxes = [await Running.create(client, limits=LIMITS, metadata={"n": str(n)}) for n in range(MANY)]
        for number, box in enumerate(boxes):
            await box.ok(f"import threading\nkept = {{'n': {number}}}\ndef f(): return kept['n'] * 2")
            await client.write(box.id, "n.txt", str(number).encode())
        async with service.http() as http:
            token = (await http.post("/sandboxes", json={"limits": LIMITS})).json()
        # One is in the middle of a cell.
        running = asyncio.create_task(boxes[0].run("import time\ntime.sleep(60)"))
        await asyncio.sleep(0.5)
        await service.kill()
        with pytest.raises(Exception, match="service"):
            await running
        await client.close()
        await service.again()
        client = service.client()
        assert {each["id"] for each in await client.list_sandboxes()} == {*(box.id for box in boxes), token["id"]}
        for number, old in enumerate(boxes):
            box = Running(client, old.id)
            if number == 0:
                await client.interrupt(box.id)
                await _until_idle(box)
            assert (await box.ok("kept['n'], f()")).result == f"({number}, {number * 2})"
            assert await box.read("n.txt") == str(number).encode()
            assert (await client.get(box.id))["metadata"] == {"n": str(number)}
        async with service.http(token["token"]) as http:
            assert (await http.get(f"/sandboxes/{token['id']}")).status_code == 200
        await client.close()
    finally:
        await service.stop()
    assert list(records.everything()) == []


async def _until_idle(box: Running) -> None:
    from sandbox.errors import ConflictError

    for _ in range(50):
        try:
            await box.ok("1")
            return
        except ConflictError:
            await asyncio.sleep(0.1)
    pytest.fail("the cell goes on")


@pytest.mark.timeout(600)
async def test_with_the_service_left_dead_nothing_is_left_after_the_lease(provider: Provider) -> None:
    service = await Service.start(provider.name, SANDBOX_POOL="2", SANDBOX_LEASE="3")
    client = service.client()
    boxes = [await Running.create(client, limits=LIMITS) for _ in range(MANY)]
    for box in boxes:
        await box.shell("setsid sleep 1000 >/dev/null 2>&1 & true")
    await client.pause(boxes[0].id)
    await client.close()
    found = list(records.everything())
    assert len(found) >= MANY
    await service.kill()
    seen = [await load(record.provider).find(record.state) for record in found]
    for left in [each for each in seen if each is not None]:
        for _ in range(300):
            if not await left.alive():
                break
            await asyncio.sleep(0.1)
        assert not await left.alive()
    assert _processes_in(found) == []
    # What is written down of them goes with the next start.
    manager = Manager(provider, lasting=True)
    assert await manager.open() == []
    await manager.close()
    assert list(records.everything()) == []


def _processes_in(found: list[records.Record]) -> list[str]:
    """Return processes outside that belong to one of these sandboxes, by their control group."""
    left = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                groups = (process / "cgroup").read_text()
            except OSError:
                continue
            left += [process.name for record in found if record.id in groups]
    return left


async def test_of_two_that_start_at_once_one_takes_each(provider: Provider) -> None:
    service = await Service.start(provider.name)
    client = service.client()
    boxes = [await Running.create(client, limits=LIMITS) for _ in range(3)]
    for box in boxes:
        await box.ok("kept = 42")
    await client.close()
    await service.kill()
    one, other = Manager(provider, lasting=True), Manager(provider, lasting=True)
    first, second = await asyncio.gather(one.open(), other.open())
    assert sorted([*first, *second]) == sorted(box.id for box in boxes)
    for manager, ids in ((one, first), (other, second)):
        for sandbox_id in ids:
            assert (await Running(manager, sandbox_id).ok("kept")).result == "42"
    await one.close()
    await other.close()


async def test_whoever_lost_a_sandbox_to_another_process_does_not_end_it(provider: Provider) -> None:
    one = Manager(provider, lasting=True)
    await one.open()
    box = await Running.create(one)
    record = records.read(box.id)
    assert record is not None
    # Another process has taken it over: it shows the token, and is the one that is written down.
    records.write(replace(record, owner=1, owner_started=records.started(1)))
    guest = one._find(box.id)
    second = await type(guest._link).open(guest.box, guest.spec)
    for _ in range(100):
        if not await one.list_sandboxes():
            break
        await asyncio.sleep(0.1)
    assert await one.list_sandboxes() == []
    assert (await second.ask("ping"))[0]["event"] == "done"
    await one.close()
    assert await guest.box.alive()
    await second.close()
    await guest.box.kill()
    records.remove(box.id)
