"""A provider that does not answer for a while leaves nothing behind; a real engine's end is in `soak_engine.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sandbox import records
from sandbox.errors import UnavailableError
from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.docker.engine import short
from tests.sandbox.running import Running


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(300):
        if true():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it does not come about")


async def _away(*_: object) -> None:
    raise UnavailableError("The engine does not answer.")


async def test_what_could_not_be_ended_is_ended_later(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Manager(provider)
    await manager.open()
    box = (await Running.create(manager)).id
    guest = manager._find(box)
    with monkeypatch.context() as patched:
        patched.setattr(guest.box, "kill", _away)
        with pytest.raises(UnavailableError):
            await manager.delete(box)
        assert await manager.list_sandboxes() == []
        assert records.read(box) is not None
    assert await guest.box.alive()
    await _until(lambda: records.read(box) is None)
    assert not await guest.box.alive()
    await manager.close()


async def test_what_waits_is_ended_when_no_more_can_be_made(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = Manager(provider, pool=1)
    await manager.open()
    await _until(lambda: len(manager._pool) == 1)
    warm = next(each for waiting in manager._pool._ready.values() for each in waiting)
    monkeypatch.setattr(manager._pool, "_start", _away)
    manager._pool.size = 2
    manager._pool.tend()
    await _until(lambda: records.read(warm.spec.sandbox_id) is None)
    assert not await warm.box.alive()
    await manager.close()


def test_an_engine_that_is_not_there_is_said_in_plain_words() -> None:
    import requests

    with pytest.raises(requests.RequestException) as raised:
        requests.get("http://127.0.0.1:9/", timeout=5)
    assert short(raised.value) == "Connection refused"
