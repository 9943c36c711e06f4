"""Fixtures and environments for tests that talk to a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

import pytest

from .model_server import ModelServer

Api = Literal["openai-chat", "openai", "anthropic"]

MODELS: dict[Api, str] = {
    "openai-chat": "openai-chat:gpt-4o-mini",
    "openai": "openai:gpt-5-mini",
    "anthropic": "anthropic:claude-sonnet-5-5",
}
"""A model name for each wire format, as Pydantic AI takes it."""


class Serving(Protocol):
    """A model server, in this process or another."""

    @property
    def url(self) -> str:
        """Its base URL, without `/v1`."""
        ...


def env_for(server: Serving, api: Api = "openai-chat") -> dict[str, str]:
    """The environment variables that point a provider's SDK at the server."""
    # A proxy set for the machine must not get between a test and loopback.
    direct = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    if api == "anthropic":
        return {"ANTHROPIC_API_KEY": "test-key", "ANTHROPIC_BASE_URL": server.url, **direct}
    return {"OPENAI_API_KEY": "test-key", "OPENAI_BASE_URL": f"{server.url}/v1", **direct}


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    """A scripted model server of this test's own, with an empty script.

    When the test ends, the server must have had nothing to complain about: no refused history and no request
    beyond the script. A test that causes one on purpose clears `model_server.complaints`.
    """
    with ModelServer() as server:
        yield server
        server.verify()
