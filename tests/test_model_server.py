"""The scripted model server, through the real SDKs."""

from __future__ import annotations

import pytest
from pydantic_ai import Agent

from tests.support.fixtures import MODELS, env_for, model_server
from tests.support.model_server import ModelServer, call, say

__all__ = ["model_server"]


async def test_text_then_parallel_tool_calls_then_text(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env_for(model_server).items():
        monkeypatch.setenv(name, value)
    model_server.script(say("Let me see.", call("add", a=1, b=2), call("add", a=3, b=4)), say("3 and 7."))
    agent = Agent(MODELS["openai-chat"])

    @agent.tool_plain
    def add(a: int, b: int) -> int:
        return a + b

    assert (await agent.run("Add.")).output == "3 and 7."
    assert [message.role for message in model_server.last_messages()] == ["user", "assistant", "tool", "tool"]
