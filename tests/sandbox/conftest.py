"""A manager with one provider after the other, in a run folder of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.manager import Manager
from sandbox.providers.base import Provider
from sandbox.providers.registry import load
from tests.sandbox.running import Running

PROVIDERS = ["docker", "local"]


@pytest.fixture(autouse=True)
def always_a_run_folder(run_folder: Path) -> None:
    """No sandbox of a test is written down where a person's are."""


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
