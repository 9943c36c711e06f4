"""Sandboxes that wait to be claimed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox import records
from sandbox.here import list_here
from sandbox.manager import Manager
from sandbox.pool import Warm, kind_of
from sandbox.providers.base import Box, Limits, Provider, Spec
from tests.sandbox.running import Running


@pytest.fixture
async def pooled(provider: Provider) -> AsyncIterator[Manager]:
    manager = Manager(provider, pool=1)
    await manager.open()
    await _warm(manager)
    yield manager
    await manager.close()


async def _warm(manager: Manager, count: int = 1) -> None:
    for _ in range(600):
        if len(manager._pool) >= count:
            return
        await asyncio.sleep(0.05)
    pytest.fail("nothing is ready")


def _waiting(manager: Manager) -> list[str]:
    return [warm.spec.sandbox_id for each in manager._pool._ready.values() for warm in each]


async def test_one_that_waits_is_claimed_by_one_tenant_and_replaced(pooled: Manager) -> None:
    (first,) = _waiting(pooled)
    # It is there, and nobody's.
    assert await pooled.list_sandboxes() == []
    assert await list_here() == []
    box = await Running.create(pooled, metadata={"who": "me"}, idle_seconds=77)
    assert box.id == first
    info = await pooled.get(box.id)
    assert (info["metadata"], info["idle_seconds"], info["status"]) == ({"who": "me"}, 77, "idle")
    assert [each["id"] for each in await list_here()] == [first]
    assert (await box.ok("x = 1\nx + 1")).result == "2"
    await _warm(pooled)
    (second,) = _waiting(pooled)
    assert second != first
    await pooled.delete(box.id)
    assert _waiting(pooled) == [second]


async def test_what_waits_stands_still(pooled: Manager) -> None:
    waiting = next(warm for each in pooled._pool._ready.values() for warm in each)
    assert waiting.link.hello["python"]
    with pytest.raises(Exception, match="paused"):
        await waiting.link.ask("restart")


async def test_another_kind_is_made_then_kept_ready(pooled: Manager) -> None:
    limits = {"memory_mb": 256}
    one = await Running.create(pooled, limits=limits)
    await _warm(pooled, 2)
    other = await Running.create(pooled, limits=limits)
    assert 'came="pool"' in pooled.figures()
    assert one.id != other.id
    read = "next(line for line in open('/proc/self/limits') if line.startswith('Max open'))"
    assert (await other.ok(read)).done["status"] == "ok"


async def test_many_at_once_get_each_their_own(pooled: Manager) -> None:
    boxes = await asyncio.gather(*(Running.create(pooled) for _ in range(4)))
    assert len({box.id for box in boxes}) == 4
    for number, box in enumerate(boxes):
        await box.ok(f"mine = {number}")
    assert [(await box.ok("mine")).result for box in boxes] == ["0", "1", "2", "3"]


async def test_one_that_ended_while_it_waited_is_not_given_out(pooled: Manager) -> None:
    waiting = next(warm for each in pooled._pool._ready.values() for warm in each)
    await waiting.box.kill()
    box = await Running.create(pooled)
    assert box.id != waiting.spec.sandbox_id
    assert (await box.ok("6 * 7")).result == "42"
    await _warm(pooled)
    assert waiting.spec.sandbox_id not in _waiting(pooled)


async def test_closing_ends_what_waits(provider: Provider, run_folder: Path) -> None:
    manager = Manager(provider, pool=2)
    await manager.open()
    await _warm(manager)  # and another one is being made
    boxes = [warm.box for each in manager._pool._ready.values() for warm in each]
    await manager.close()
    assert not any([await box.alive() for box in boxes])
    assert [path for path in run_folder.rglob("*") if not path.is_dir() and path.parent.name != "checked"] == []


@pytest.mark.parametrize("when", ["before it is written down", "while it is ended"])
async def test_closing_in_the_middle_leaves_no_record(provider: Provider, run_folder: Path, when: str) -> None:
    manager, reached = Manager(provider, pool=1), asyncio.Event()
    pool = manager._pool
    note, end = pool._note, pool._end

    async def slow_note(warm: Warm) -> None:
        reached.set()
        await asyncio.sleep(0.2)
        await note(warm)

    async def slow_end(sandbox_id: str, box: Box) -> None:
        reached.set()
        await asyncio.sleep(0.2)
        await end(sandbox_id, box)

    if when == "while it is ended":
        await manager.open()
        await _warm(manager)
        pool._end = slow_end
        # One that ended while it waited is cleared away when the pool is looked after.
        (warm,) = [each for waiting in pool._ready.values() for each in waiting]
        await warm.link.close()
        pool.tend()
    else:
        pool._note = slow_note
        await manager.open()
    await reached.wait()
    await manager.close()
    assert list(records.everything()) == []


async def test_what_waited_for_a_dead_owner_is_ended(provider: Provider) -> None:
    manager = Manager(provider, pool=1, lease=2)
    await manager.open()
    await _warm(manager)
    waiting = next(warm for each in manager._pool._ready.values() for warm in each)
    record = records.read(waiting.spec.sandbox_id)
    assert record is not None
    assert record.pooled
    assert not record.lasting
    # As when the process is killed: nothing is said any more, and nobody thaws what stands still.
    await waiting.link.close()
    manager._pool._closed = True
    for _ in range(100):
        if not await waiting.box.alive():
            break
        await asyncio.sleep(0.1)
    assert not await waiting.box.alive()
    manager._pool._closed = False
    await manager.close()


def test_only_what_can_stand_for_another_is_of_a_kind() -> None:
    plain = Spec()
    assert kind_of(plain) == kind_of(Spec(language="shell", metadata={"a": "b"}, idle_seconds=5, lifetime_seconds=6))
    assert kind_of(Spec(packages={"pip": ("a", "b")})) == kind_of(Spec(packages={"pip": ("b", "a"), "npm": ()}))
    different = [Spec(image="x"), Spec(packages={"pip": ("a",)}), Spec(limits=Limits(pids=99)), Spec(lease_seconds=1)]
    assert len({kind_of(each) for each in [plain, *different]}) == 5
    alone = [Spec(env={"A": "b"}), Spec(network="unrestricted"), Spec(network="limited", allowed_hosts=("a.b",))]
    assert [kind_of(each) for each in [*alone, Spec(workspace="/w")]] == [None] * 4
