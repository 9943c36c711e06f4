"""A manager with one provider after the other, in a run folder of its own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.registry import load
from tests.sandbox.running import Running

PROVIDERS = ["docker", "local"]


@pytest.fixture(autouse=True)
def run_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # Short, since the path of a socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="lra"))
    monkeypatch.setenv("LRA_SANDBOX_RUN", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=PROVIDERS, scope="session")
def provider(request: pytest.FixtureRequest) -> Provider:
    found = load(request.param)
    reason = asyncio.run(found.check())
    if reason is not None:
        pytest.skip(f"{found.name}: {reason}")
    return found


@pytest.fixture
async def manager(provider: Provider) -> AsyncIterator[Manager]:
    manager = Manager(provider)
    await manager.open()
    yield manager
    await manager.close()


@pytest.fixture
async def box(manager: Manager) -> Running:
    return await Running.create(manager)
