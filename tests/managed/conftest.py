"""Managed agents on the scripted provider, closed when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lra.managed import LocalManagedAgent, ManagedAgent
from tests.support.fixtures import env_for
from tests.support.model_server import ModelServer

Make = Callable[..., LocalManagedAgent]


@pytest.fixture(autouse=True)
def _provider(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**env_for(model_server), **env_for(model_server, "anthropic")}.items():
        monkeypatch.setenv(name, value)
    # No service of this machine's answers; what is wanted of sandboxes, tests say.
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")


@pytest.fixture
def managed() -> Iterator[Make]:
    """Make managed agents, as `ManagedAgent` does; one after the other they are like processes of their own."""
    with ExitStack() as stack:

        def make(provider: str | None = None, **options: Any) -> LocalManagedAgent:
            return stack.enter_context(ManagedAgent(provider, **options))

        yield make
