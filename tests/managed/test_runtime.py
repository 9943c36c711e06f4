"""The runtime: agents, environments, sessions and events; and backends and runtimes of one's own behind `Agent`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lra import Agent
from lra.errors import LraError, NotFoundError, UsageError
from lra.managed import (
    LocalManagedAgent,
    LocalManagedConfig,
    LocalManagedRuntime,
    ManagedBackendProtocol,
    ManagedConfig,
    ManagedRuntimeProtocol,
)
from lra.managed.runtime_backend import RuntimeBackend
from tests.managed.conftest import Make
from tests.managed.test_tools import CALCULATOR, handle
from tests.support.model_server import ModelServer, Usage, call, fail, say

MINI = LocalManagedConfig(model="gpt-4o-mini", system="You are a coding assistant.", tools=[])


@pytest.fixture
async def runtime() -> AsyncIterator[LocalManagedRuntime]:
    async with LocalManagedRuntime(config=MINI) as runtime:
        yield runtime


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


async def begin(runtime: LocalManagedRuntime, config: Any = None) -> str:
    agent_id = await runtime.create_agent(config)
    return await runtime.create_session(agent_id, await runtime.create_environment(config))


async def heard(runtime: LocalManagedRuntime, session_id: str) -> list[dict[str, Any]]:
    return [event async for event in runtime.stream_events(session_id)]


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [str(event["type"]) for event in events]


async def test_a_lifecycle(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("Hello to you.", usage=Usage(20, 4)))
    config = ManagedConfig(model="gpt-4o-mini", system="You are a coding assistant.", tools=[])
    agent_id = await runtime.create_agent(config)
    environment_id = await runtime.create_environment(config)
    session_id = await runtime.create_session(agent_id, environment_id, title="Greeting")
    assert (await runtime.retrieve_session(session_id))["status"] == "idle"
    await runtime.send_event(session_id, message("Hello!"))
    events = await heard(runtime, session_id)
    assert kinds(events) == [
        "user.message",
        "session.status_running",
        "agent.message",
        "session.usage",
        "session.status_idle",
    ]
    assert events[2]["content"] == [{"type": "text", "text": "Hello to you."}]
    assert events[-1]["stop_reason"] == {"type": "end_turn"}
    assert len({event["id"] for event in events}) == len(events)
    assert await runtime.retrieve_session(session_id) == {
        "id": session_id,
        "status": "idle",
        "title": "Greeting",
        "usage": {"input_tokens": 20, "output_tokens": 4},
    }
    assert isinstance(runtime, ManagedRuntimeProtocol)


async def test_several_turns_by_breaking_at_idle(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("One."), say("Two."), say("Three."))
    session_id = await begin(runtime)
    answers = []
    for text in ("a", "b", "c"):
        await runtime.send_event(session_id, message(text))
        async for event in runtime.stream_events(session_id):
            if event["type"] == "agent.message":
                answers.append(event["content"][0]["text"])
            elif event["type"] == "session.status_idle":
                break
    assert answers == ["One.", "Two.", "Three."]
    assert len(model_server.last_messages()) == 6


async def test_messages_wait_for_each_other_and_a_stream_may_come_first(
    runtime: LocalManagedRuntime, model_server: ModelServer
) -> None:
    model_server.script(say("One."), say("Two."))
    session_id = await begin(runtime)
    listening = asyncio.create_task(heard(runtime, session_id))
    await asyncio.sleep(0)
    await runtime.send_event(session_id, message("a"))
    await runtime.send_event(session_id, message("b"))
    events = await listening
    if "b" not in str(events):
        events += await heard(runtime, session_id)
    assert [each["content"][0]["text"] for each in events if each["type"] == "agent.message"] == ["One.", "Two."]


async def test_a_custom_tool_over_events(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(
        say("", call("calculator", expression="6*7")), say("", call("calculator", expression="1/0")), say("42.")
    )
    session_id = await begin(runtime, LocalManagedConfig(model="gpt-4o-mini", tools=[CALCULATOR]))
    await runtime.send_event(session_id, message("6*7?"))
    seen = []
    async for event in runtime.stream_events(session_id):
        seen.append(event)
        if event["type"] == "agent.custom_tool_use":
            assert event["name"] == "calculator"
            fine = event["input"] == {"expression": "6*7"}
            with pytest.raises(UsageError, match="Nothing waits for a user"):
                await runtime.send_event(session_id, {"type": "user.custom_tool_result", "custom_tool_use_id": "x"})
            content = [{"type": "text", "text": "42" if fine else "no such number"}]
            answer = {"custom_tool_use_id": event["id"], "content": content, "is_error": not fine}
            await runtime.send_event(session_id, {"type": "user.custom_tool_result", **answer})
    waiting = [each for each in seen if each.get("stop_reason", {}).get("type") == "requires_action"]
    asked = [each["id"] for each in seen if each["type"] == "agent.custom_tool_use"]
    assert [each["stop_reason"]["event_ids"] for each in waiting] == [[each] for each in asked]
    assert kinds(seen)[-3:] == ["agent.message", "session.usage", "session.status_idle"]
    tool = [each.text for each in model_server.last_messages() if each.role == "tool"]
    assert tool[0] == "42"
    assert "no such number" in tool[1]


@pytest.mark.usefixtures("sandboxes")
@pytest.mark.parametrize("allow", [True, False])
async def test_a_call_confirmed_over_events(
    runtime: LocalManagedRuntime, model_server: ModelServer, allow: bool
) -> None:
    ask = {"enabled": True, "permission_policy": {"type": "always_ask"}}
    toolset = {"type": "agent_toolset_20260401", "default_config": {"enabled": False}}
    config = ManagedConfig(model="gpt-4o-mini", tools=[{**toolset, "configs": [{"name": "bash", **ask}]}])
    model_server.script(say("", call("execute_command", command="echo ran")), say("Done."))
    session_id = await begin(runtime, config)
    await runtime.send_event(session_id, message("run it"))
    seen = []
    async for event in runtime.stream_events(session_id):
        seen.append(event)
        if event.get("stop_reason", {}).get("type") == "requires_action":
            (asked,) = event["stop_reason"]["event_ids"]
            assert asked == seen[-2]["id"]
            assert seen[-2]["evaluated_permission"] == "ask"
            confirmation = {"type": "user.tool_confirmation", "tool_use_id": asked}
            with pytest.raises(UsageError, match="'allow' or 'deny'"):
                await runtime.send_event(session_id, {**confirmation, "result": "perhaps"})
            answer = {"result": "allow"} if allow else {"result": "deny", "deny_message": "not today"}
            await runtime.send_event(session_id, {**confirmation, **answer})
    (result,) = [each for each in seen if each["type"] == "agent.tool_result"]
    assert ("ran" in str(result["content"])) is allow
    assert ("not today" in str(result["content"])) is not allow


async def test_what_goes_wrong_comes_as_an_event(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(fail("auth"))
    session_id = await begin(runtime)
    await runtime.send_event(session_id, message("hello"))
    events = await heard(runtime, session_id)
    (error,) = [event["error"] for event in events if event["type"] == "session.error"]
    assert error["retry_status"] == {"type": "exhausted"}
    assert events[-1]["stop_reason"] == {"type": "retries_exhausted"}
    packages = LocalManagedConfig(model="gpt-4o-mini", packages={"pip": ["pandas"]})
    unsafe = await begin(runtime, packages)
    await runtime.send_event(unsafe, message("hello"))
    error, idle = await heard(runtime, unsafe)
    assert "need a sandbox" in error["error"]["message"]
    assert idle["type"] == "session.status_idle"
    model_server.complaints.clear()


async def test_interrupting(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("One two three", hold=1), say("Four."))
    session_id = await begin(runtime)
    await runtime.send_event(session_id, message("count"))
    await model_server.until_held()
    assert (await runtime.retrieve_session(session_id))["status"] == "running"
    await runtime.send_event(session_id, {"type": "user.interrupt"})
    assert (await heard(runtime, session_id))[-1]["stop_reason"] == {"type": "end_turn"}
    await runtime.interrupt(session_id)
    await runtime.send_event(session_id, message("go on"))
    assert "Four." in str(await heard(runtime, session_id))
    custom = await begin(runtime, LocalManagedConfig(model="gpt-4o-mini", tools=[CALCULATOR]))
    model_server.script(say("", call("calculator", expression="6*7")))
    await runtime.send_event(custom, message("6*7?"))
    async for event in runtime.stream_events(custom):
        if event.get("stop_reason", {}).get("type") == "requires_action":
            await runtime.interrupt(custom)
    assert event["stop_reason"] == {"type": "end_turn"}


async def test_versions_are_pinned(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("a"), say("b"))
    agent_id = await runtime.create_agent()
    environment_id = await runtime.create_environment()
    config = LocalManagedConfig(model="gpt-4o-mini", system="You are brief.", tools=[])
    assert await runtime.update_agent(agent_id, config) == 2
    assert await runtime.update_agent(agent_id, config) == 2
    runtime.agent_version = 1
    for version, system in ((1, "You are a coding assistant."), (None, "You are brief.")):
        runtime.agent_version = version
        session_id = await runtime.create_session(agent_id, environment_id)
        await runtime.send_event(session_id, message("hi"))
        await heard(runtime, session_id)
        assert model_server.last_messages()[0].text == system
    runtime.agent_version = 7
    with pytest.raises(NotFoundError, match="no version 7 of the managed agent"):
        await runtime.create_session(agent_id, environment_id)


async def test_listing_archiving_and_deleting(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("a"), say("b"))
    agent_id, environment_id = await runtime.create_agent(), await runtime.create_environment()
    one, two = [await runtime.create_session(agent_id, environment_id) for _ in range(2)]
    assert [each["id"] for each in await runtime.list_agents()] == [agent_id]
    assert (await runtime.retrieve_agent(agent_id))["system"] == "You are a coding assistant."
    assert [each["id"] for each in await runtime.list_environments()] == [environment_id]
    assert (await runtime.retrieve_environment(environment_id))["config"]["network"] == "none"
    assert {each["id"] for each in await runtime.list_sessions(agent_id=agent_id)} == {one, two}
    await runtime.send_event(one, message("hi"))
    await heard(runtime, one)
    await runtime.archive_session(one)
    with pytest.raises(UsageError, match="is archived"):
        await runtime.send_event(one, message("hi"))
    assert (await runtime.retrieve_session(one))["status"] == "terminated"
    assert [each["id"] for each in await runtime.list_sessions(status="active")] == [two]
    assert [each["id"] for each in await runtime.list_sessions(status="archived")] == [one]
    await runtime.delete_session(one)
    with pytest.raises(NotFoundError, match="There is no session"):
        await runtime.retrieve_session(one)
    await runtime.archive_agent(agent_id)
    await runtime.archive_environment(environment_id)
    assert await runtime.list_agents() == await runtime.list_environments() == []
    assert len(await runtime.list_agents(status="all", limit=5)) == 1
    with pytest.raises(UsageError, match="is archived"):
        await runtime.create_session(agent_id, environment_id)
    with pytest.raises(UsageError, match="is archived"):
        await runtime.update_agent(agent_id, ManagedConfig(model="offline"))
    await runtime.delete_environment(environment_id)
    for missing in (runtime.delete_environment("env_x"), runtime.archive_agent("agent_x"), runtime.interrupt("x")):
        with pytest.raises(NotFoundError):
            await missing
    with pytest.raises(UsageError, match="no filter 'color'"):
        await runtime.list_sessions(color="blue")
    with pytest.raises(UsageError, match="status is no 'lost'"):
        await runtime.list_agents(status="lost")


async def test_another_process_goes_on(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("Noted."), say("Blue."))
    session_id = await begin(runtime)
    await runtime.send_event(session_id, message("My color is blue"))
    await heard(runtime, session_id)
    secret = LocalManagedConfig(model="gpt-4o-mini", tools=[], env={"TOKEN": "s3cret"})
    with_secret = await begin(runtime, secret)
    async with LocalManagedRuntime() as other:
        await other.send_event(session_id, message("Which?"))
        assert "Blue." in str(await heard(other, session_id))
        with pytest.raises(UsageError, match="The values of TOKEN in the environment env_"):
            await other.send_event(with_secret, message("hello"))
    assert model_server.last_messages()[1].text == "My color is blue"


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"type": "user.shout"}, "is no event that can be sent"),
        ("hello", "is no event that can be sent"),
        ({"type": "user.message"}, "None is no text"),
        ({"type": "user.message", "content": [{"type": "image"}]}, "is no text"),
        ({"type": "user.message", "content": []}, "The message is empty"),
    ],
)
async def test_events_that_make_no_sense(runtime: LocalManagedRuntime, event: Any, sentence: str) -> None:
    session_id = await begin(runtime)
    with pytest.raises(UsageError, match=sentence):
        await runtime.send_event(session_id, event)
    with pytest.raises(NotFoundError, match="There is no session 'nowhere'"):
        await runtime.send_event("nowhere", message("hello"))


async def test_functions_are_not_kept(runtime: LocalManagedRuntime) -> None:
    with pytest.raises(UsageError, match="A function cannot be kept with an agent"):
        await runtime.create_agent(LocalManagedConfig(model="offline", tools=[print]))


class Echo:
    """A backend that a person might write."""

    def __init__(self) -> None:
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.turns = 0

    async def execute(self, prompt: str, **options: Any) -> str:
        self.loops.add(asyncio.get_running_loop())
        self.turns += 1
        return f"{self.turns}: {prompt}{options or ''}"

    async def stream(self, prompt: str, **options: Any) -> AsyncIterator[str]:
        for word in (await self.execute(prompt)).split():
            yield word + " "

    def reset_session(self) -> None:
        self.turns = 0

    def reset_all(self) -> None:
        self.turns = 0


def test_a_backend_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    backend: ManagedBackendProtocol = Echo()
    agent = Agent(name="mine", backend=backend)
    assert agent.start("hello") == "1: hello"
    assert agent.run("again", depth=2) == "2: again{'depth': 2}"
    assert agent.start("once more", stream=True) == "3: once more "
    assert capsys.readouterr().out == "3: once more \n"
    assert isinstance(agent.backend, Echo)
    # What it opens in one turn it finds open in the next.
    assert len(agent.backend.loops) == 1


class Hosted:
    """A runtime that a person might write: the loop is elsewhere, here in a list."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.sent: list[Any] = []
        self.made: list[Any] = []

    async def create_agent(self, config: Any) -> str:
        self.made.append(config)
        return "agent"

    async def create_environment(self, config: Any) -> str:
        return "environment"

    async def create_session(self, agent_id: str, environment_id: str, **options: Any) -> str:
        self.made.append((agent_id, environment_id))
        return f"session{len(self.made)}"

    async def send_event(self, session_id: str, event: dict[str, Any]) -> None:
        self.sent.append((session_id, event))

    async def stream_events(self, session_id: str) -> AsyncIterator[dict[str, Any]]:
        while self.answers:
            yield self.answers.pop(0)

    async def interrupt(self, session_id: str) -> None:
        self.sent.append("interrupt")

    async def retrieve_session(self, session_id: str) -> dict[str, Any]:
        return {}

    async def list_sessions(self, **filters: Any) -> list[dict[str, Any]]:
        return []

    async def archive_session(self, session_id: str) -> None: ...

    async def delete_session(self, session_id: str) -> None: ...


IDLE = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}


def said(text: str) -> dict[str, Any]:
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


def test_a_runtime_of_ones_own() -> None:
    retried = {"type": "session.error", "error": {"message": "busy", "retry_status": "retrying"}}
    runtime = Hosted(said("Let me see."), retried, said("Done."), IDLE, said("Again."), IDLE)
    agent = Agent(name="far", backend=runtime)
    assert agent.start("go") == "Done."
    assert agent.start("go on") == "Again."
    assert runtime.made[0].name == "far"
    assert [session for session, _ in runtime.sent] == ["session2", "session2"]
    runtime.answers = [{"type": "session.error", "error": {"message": "It broke."}}, IDLE]
    with pytest.raises(LraError, match=r"It broke\."):
        agent.start("once more")
    with pytest.raises(LraError, match="The runtime stopped telling of the turn before it ended"):
        agent.start("and again")


def test_what_a_runtime_of_ones_own_waits_for() -> None:
    waiting = {"type": "session.status_idle", "stop_reason": {"type": "requires_action", "event_ids": ["x", "y"]}}
    runtime = Hosted(
        {"type": "agent.custom_tool_use", "id": "x", "name": "calculator", "input": {"expression": "6*7"}},
        {"type": "agent.tool_use", "id": "y", "name": "bash", "input": {"command": "ls"}},
        waiting,
        said("Done."),
        IDLE,
    )
    backend = RuntimeBackend(runtime, on_custom_tool=handle)
    assert Agent(backend=backend).start("go") == "Done."
    (_, result), (_, confirmation) = runtime.sent[1:]
    assert result["content"] == [{"type": "text", "text": "42"}]
    assert not result["is_error"]
    assert confirmation["result"] == "deny"
    assert confirmation["deny_message"] == "Nobody can be asked here."


async def test_the_local_runtime_behind_an_agent(runtime: LocalManagedRuntime, model_server: ModelServer) -> None:
    model_server.script(say("One."), say("Two."))
    agent = Agent(name="local", backend=runtime)
    assert await agent.astart("a") == "One."
    assert [piece async for piece in agent.astream("b")] == ["Two."]
    assert [each.role for each in model_server.last_messages()] == ["system", "user", "assistant", "user"]


def test_an_agent_without_a_backend(managed: Make) -> None:
    agent = Agent(name="Alone")
    assert isinstance(agent.backend, LocalManagedAgent)
    assert agent.backend.save_ids()["agent_id"] is None
