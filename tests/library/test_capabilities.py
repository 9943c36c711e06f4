"""Memory, tasks and the sandbox in a Pydantic AI agent of somebody else's, in one line each."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from lra import MemoryCapability, SandboxCapability, StructuredMemoryStore, TaskCapability


class Says:
    """A model that answers with what it is told to, in order, and keeps what it was sent."""

    def __init__(self, *answers: str | ToolCallPart) -> None:
        self._answers = list(answers)
        self.sent: list[list[ModelMessage]] = []
        self.tools: list[str] = []

    @property
    def model(self) -> FunctionModel:
        return FunctionModel(self._answer)

    async def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        self.sent.append(messages)
        self.tools = [tool.name for tool in info.function_tools]
        answer = self._answers.pop(0)
        return ModelResponse(parts=[TextPart(answer) if isinstance(answer, str) else answer])

    @property
    def prompts(self) -> list[str]:
        parts = [part for message in self.sent[-1] if isinstance(message, ModelRequest) for part in message.parts]
        return [str(part.content) for part in parts if isinstance(part, UserPromptPart)]

    @property
    def results(self) -> list[Any]:
        parts = [part for message in self.sent[-1] if isinstance(message, ModelRequest) for part in message.parts]
        return [part.content for part in parts if part.part_kind == "tool-return"]


def calls(name: str, **args: Any) -> ToolCallPart:
    return ToolCallPart(tool_name=name, args=args)


async def in_thread(make: Any, *args: Any, **options: Any) -> Any:
    return await asyncio.to_thread(make, *args, **options)


async def test_memory_in_an_agent_with_dependencies_of_its_own() -> None:
    says = Says(calls("write_memory", content="The dog is called Rex", key="user.dog"), "Noted.", calls("who"), "Rex.")
    agent = Agent(says.model, deps_type=str, capabilities=[await in_thread(MemoryCapability)])

    @agent.tool
    def who(ctx: RunContext[str]) -> str:
        """Say whose agent it is."""
        return f"I am {ctx.deps}'s."

    assert (await agent.run("My dog is called Rex.", deps="Ann")).output == "Noted."
    result = await agent.run("What is my dog called?", deps="Ann")
    assert result.output == "Rex."
    # What was remembered stood beside the question, in the request and not in the history.
    assert "The dog is called Rex" in says.prompts[0]
    assert says.results == ["I am Ann's."]
    assert "The dog is called Rex" not in str(result.all_messages()[0])
    assert {"search_memory", "write_memory", "get_recent_conversations", "who"} == set(says.tools)
    store = await in_thread(StructuredMemoryStore)
    said = [(line["role"], line["content"]) for line in await store.get_conversations("pydantic-ai")]
    assert said == [
        ("user", "My dog is called Rex."),
        ("assistant", "Noted."),
        ("user", "What is my dog called?"),
        ("assistant", "Rex."),
    ]
    await store.close()


async def test_memory_that_neither_recalls_nor_keeps() -> None:
    says = Says(calls("write_memory", content="The dog is called Rex"), "Noted.", "Hm.")
    memory = await in_thread(MemoryCapability, recall=False, keep=False, session_id="quiet")
    agent = Agent(says.model, capabilities=[memory])
    await agent.run("My dog is called Rex.")
    await agent.run("What is my dog called?")
    assert says.prompts == ["What is my dog called?"]
    assert memory.store is not None
    assert await memory.store.get_conversations("quiet") == []
    await memory.store.close()


async def test_a_run_that_fails_keeps_the_question_and_tells_nothing_else() -> None:
    async def broken(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise ValueError("no")

    memory = await in_thread(MemoryCapability)
    agent = Agent(FunctionModel(broken), capabilities=[memory])
    with pytest.raises(ValueError, match="no"):
        await agent.run("Is somebody there?")
    assert memory.store is not None
    assert [line["role"] for line in await memory.store.get_conversations("pydantic-ai")] == ["user"]
    await memory.store.close()


async def test_runs_at_the_same_time_do_not_mix() -> None:
    memory = await in_thread(MemoryCapability, keep=False)
    assert memory.store is not None
    await memory._deps.require_memory().remember("The dog of Ann is called Rex")
    await memory._deps.require_memory().remember("The cat of Bob is called Tom")
    seen: dict[str, str] = {}

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        await asyncio.sleep(0.01)
        (part,) = messages[0].parts
        text = str(getattr(part, "content", ""))
        seen[text.split("?", maxsplit=1)[0]] = text
        return ModelResponse(parts=[TextPart("x")])

    agent = Agent(FunctionModel(answer), capabilities=[memory])
    await asyncio.gather(agent.run("What is the dog of Ann called?"), agent.run("What is the cat of Bob called?"))
    assert "Rex" in seen["What is the dog of Ann called"]
    assert "Tom" not in seen["What is the dog of Ann called"]
    assert "Tom" in seen["What is the cat of Bob called"]
    await memory.store.close()


async def test_tasks() -> None:
    says = Says(calls("create_task", title="Feed the dog"), calls("get_task_state", task_id="nothing"), "Done.")
    tasks = await in_thread(TaskCapability, session_id="mine")
    await Agent(says.model, capabilities=[tasks]).run("Remind me.")
    assert tasks.store is not None
    assert [task.title for task in await tasks.store.get_tasks("mine")] == ["Feed the dog"]
    await tasks.store.close()


async def test_an_error_of_ours_is_a_result_for_the_model() -> None:
    says = Says(calls("update_task_status", task_id="nothing", status="done"), "There is none.")
    tasks = await in_thread(TaskCapability)
    result = await Agent(says.model, capabilities=[tasks]).run("Finish it.")
    assert result.output == "There is none."
    assert "nothing" in str(says.results)
    assert tasks.store is not None
    await tasks.store.close()


async def test_a_sandbox_for_each_run(sandboxes: Path, home: Path) -> None:
    says = Says(calls("execute_code", code="x = 6 * 7\nx"), "42.", calls("execute_code", code="x"), "It is gone.")
    agent = Agent(says.model, capabilities=[SandboxCapability()])
    assert (await agent.run("Multiply.")).output == "42."
    assert says.results[0]["result"] == "42"
    await agent.run("And now?")
    assert "NameError" in json.dumps(says.results[0])
    left = [path for path in sandboxes.rglob("*") if path.is_file() and "checked" not in path.parts]
    assert left == []
    assert list((home / "lra" / "sandboxes").glob("*.json")) == []


async def test_nobody_can_be_asked_for_network(sandboxes: Path) -> None:
    says = Says(calls("create_sandbox", network="limited", allowed_hosts=["example.com"]), "No.")
    await Agent(says.model, capabilities=[SandboxCapability()]).run("Fetch.")
    assert "refuse" in str(says.results).lower()
