"""The offline model as one of Pydantic AI's models."""

from __future__ import annotations

import time

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    ModelMessagesTypeAdapter,
)
from pydantic_ai.models import ModelRequestParameters

from lra.agent.offline import OfflineModel
from tests.agent.offline_support import asked, offline


async def test_a_megabyte_is_answered_at_once() -> None:
    model, parameters = offline(), ModelRequestParameters()
    messages = ModelMessagesTypeAdapter.validate_python(asked("word é " * 150_000))
    took = []
    for _ in range(3):
        began = time.thread_time()
        await model.request(messages, None, parameters)
        took.append(time.thread_time() - began)
    assert min(took) < 0.05


async def test_a_stream_can_be_cancelled() -> None:
    model = offline()
    messages = ModelMessagesTypeAdapter.validate_python(asked("help"))
    async with model.request_stream(messages, None, ModelRequestParameters()) as stream:
        async for _ in stream:
            await stream.cancel()
    assert stream.get().state == "interrupted"
    assert len(str(stream.get().parts)) < 200


async def test_structured_output_is_refused_plainly() -> None:
    class Answer(BaseModel):
        words: str

    agent = Agent(offline(), output_type=Answer)
    with pytest.raises(UserError, match="text only"):
        await agent.run("hello")


def test_who_it_is() -> None:
    model = OfflineModel()
    assert (model.model_name, model.system, model.provider) == ("offline", "lra", None)
