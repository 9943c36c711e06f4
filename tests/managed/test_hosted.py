"""Agents that Anthropic hosts, through its client library, against the documented interface on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from lra import Agent
from lra.errors import BudgetError, ConfigError, LraError, NotFoundError, UnavailableError, UsageError
from lra.managed import (
    AnthropicManagedAgent,
    HostedManagedAgent,
    LocalManagedConfig,
    ManagedAgent,
    ManagedConfig,
    ManagedRuntimeProtocol,
    NetworkingConfig,
    PackagesConfig,
)
from tests.managed.service import BREAK, END, Service, said, waits
from tests.managed.test_tools import CALCULATOR, handle

CLAUDE = ManagedConfig(model="claude-sonnet-4-6", system="You are a coding assistant.")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    with Service() as service:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", service.url)
        yield service


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


async def begin(runtime: AnthropicManagedAgent) -> str:
    return await runtime.create_session(await runtime.create_agent(), await runtime.create_environment())


def test_an_agent_and_its_sessions(service: Service) -> None:
    service.turns += [[said("Let me see."), said("Blue."), END], [said("Still."), END], [said("New."), END]]
    with ManagedAgent(provider="anthropic", config=CLAUDE) as managed:
        agent = Agent(name="teacher", backend=managed)
        assert managed.retrieve_session() == {
            "id": "",
            "status": "unknown",
            "title": "",
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        assert agent.start("What is my favorite color?") == "Blue."
        ids = managed.save_ids()
        assert managed.retrieve_session()["usage"] == {"input_tokens": 10, "output_tokens": 2}
        assert (managed.total_input_tokens, managed.total_output_tokens) == (10, 2)
    with ManagedAgent(provider="anthropic", config=CLAUDE) as again:
        again.restore_ids(ids)
        again.resume_session(ids["session_id"])
        assert list(Agent(backend=again).iter_stream("Really?")) == ["Still."]
        assert again.total_input_tokens == 20
        again.reset_session()
        assert Agent(backend=again).start("hello") == "New."
        assert again.total_input_tokens == 30
        assert len(again.list_sessions()) == 2
        with pytest.raises(NotFoundError, match="sesn_x not found"):
            again.resume_session("sesn_x")
        with pytest.raises(UsageError, match="These are no ids"):
            again.restore_ids({"session": "x"})
    (sent,) = [versions[-1] for versions in service.agents.values()]
    assert (sent["model"], sent["system"]) == ("claude-sonnet-4-6", "You are a coding assistant.")
    assert sent["tools"] == [{"type": "agent_toolset_20260401"}]


def test_what_is_sent_of_a_configuration(service: Service) -> None:
    service.turns += [[said("ok"), END]]
    config = ManagedConfig(
        model="anthropic:claude-sonnet-4-6",
        tools=["execute_command", "search_web", CALCULATOR],
        packages=PackagesConfig(pip=["pandas"], npm=["axios"]),
        networking=NetworkingConfig(type="limited", allowed_hosts=["api.example.com"]),
        session_title="Data",
        env_name="mine",
        vault_ids=["vault_1"],
        metadata={"team": "a"},
    )
    with HostedManagedAgent(config=config, on_custom_tool=handle) as managed:
        assert asyncio.run(managed.execute("hello")) == "ok"
    (environment,) = service.environments.values()
    assert environment["name"] == "mine"
    assert environment["config"] == {
        "type": "cloud",
        "networking": {
            "type": "limited",
            "allowed_hosts": ["api.example.com"],
            "allow_mcp_servers": True,
            "allow_package_managers": True,
        },
        "packages": {"pip": ["pandas"], "npm": ["axios"]},
    }
    ((agent,),) = service.agents.values()
    assert agent["tools"][0]["configs"] == [{"name": "bash", "enabled": True}, {"name": "web_search", "enabled": True}]
    assert agent["tools"][1] == CALCULATOR
    assert agent["metadata"] == {"team": "a"}
    (session,) = service.sessions.values()
    assert (session["title"], session["vault_ids"]) == ("Data", ["vault_1"])


def test_custom_tools_and_consent(service: Service) -> None:
    custom = {"type": "agent.custom_tool_use", "id": "c1", "name": "calculator", "input": {"expression": "6*7"}}
    asked = {"type": "agent.tool_use", "id": "t1", "name": "bash", "input": {}, "evaluated_permission": "ask"}
    service.turns += [[said("One moment."), custom, asked, waits("c1", "t1"), said("42."), END]]
    config = ManagedConfig(model="claude-sonnet-4-6", tools=[CALCULATOR])
    with HostedManagedAgent(config=config, on_custom_tool=handle, on_tool_confirmation=lambda call: "no") as managed:
        assert Agent(backend=managed).start("6*7?") == "42."
    ((_, *sent),) = [
        [each for each in events if each["type"].startswith("user.")] for events in service.events.values()
    ]
    assert sent[0]["content"] == [{"type": "text", "text": "42"}]
    assert (sent[1]["result"], sent[1]["deny_message"]) == ("deny", "no")


def test_a_broken_stream_is_taken_up(service: Service) -> None:
    service.turns += [[said("One."), BREAK, said("Two."), BREAK, END]]
    with HostedManagedAgent(config=CLAUDE) as managed:
        assert list(Agent(backend=managed).iter_stream("count")) == ["One.", "Two."]


def test_errors_of_a_turn(service: Service) -> None:
    def error(message: str, status: str) -> dict[str, Any]:
        return {"type": "session.error", "error": {"type": "x", "message": message, "retry_status": {"type": status}}}

    service.turns += [
        [error("busy", "retrying"), said("Fine."), END],
        [error("The model failed.", "exhausted"), END],
        [{"type": "session.status_terminated"}],
        [said("So far.")],
    ]
    with HostedManagedAgent(config=CLAUDE, timeout=1.0) as managed:
        agent = Agent(backend=managed)
        assert agent.start("a") == "Fine."
        with pytest.raises(LraError, match=r"The model failed\."):
            agent.start("b")
        assert agent.start("c") == ""
        with pytest.raises(BudgetError, match="longer than 1 s"):
            agent.start("d")
        assert managed.session_id is not None
        assert "user.interrupt" in [each["type"] for each in service.events[managed.session_id]]


async def test_the_runtime(service: Service) -> None:
    service.turns += [[said("Hello."), END], [said("Again."), END]]
    async with AnthropicManagedAgent(config=CLAUDE) as runtime:
        assert isinstance(runtime, ManagedRuntimeProtocol)
        session_id = await begin(runtime)
        for text in ("a", "b"):
            # All of it happens before anybody listens.
            await runtime.send_event(session_id, message(text))
            kinds = []
            async for event in runtime.stream_events(session_id):
                kinds.append(event["type"])
                if event["type"] == "session.status_idle":
                    break
            assert kinds == ["user.message", "session.status_running", "agent.message", "session.status_idle"]
        assert (await runtime.retrieve_session(session_id))["status"] == "idle"
        (agent,) = await runtime.list_agents()
        assert await runtime.update_agent(agent["id"], ManagedConfig(model="claude-sonnet-4-6", system="Brief.")) == 2
        assert (await runtime.retrieve_agent(agent["id"]))["version"] == 2
        (environment,) = await runtime.list_environments(limit=1)
        assert (await runtime.retrieve_environment(environment["id"]))["config"]["type"] == "cloud"
        runtime.agent_version = 2
        pinned = await runtime.create_session(agent["id"], environment["id"], title="Pinned")
        assert service.sessions[pinned]["agent"] == {"type": "agent", "id": agent["id"], "version": 2}
        await runtime.archive_session(session_id)
        assert [each["id"] for each in await runtime.list_sessions(agent_id=agent["id"])] == [pinned]
        assert [each["id"] for each in await runtime.list_sessions(status="archived")] == [session_id]
        await runtime.delete_session(session_id)
        await runtime.archive_agent(agent["id"])
        await runtime.archive_environment(environment["id"])
        assert await runtime.list_agents() == await runtime.list_environments() == []
        await runtime.delete_environment(environment["id"])
        with pytest.raises(NotFoundError, match=r"\(404\): sessions .* not found"):
            await runtime.retrieve_session(session_id)
        with pytest.raises(UsageError, match="no filter 'color'"):
            await runtime.list_sessions(color="blue")


async def test_keys_and_addresses(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    async with AnthropicManagedAgent(config=CLAUDE, api_key="wrong") as runtime:
        with pytest.raises(ConfigError, match=r"\(401\): invalid x-api-key"):
            await runtime.create_agent()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
    async with AnthropicManagedAgent(config=CLAUDE, api_key="test-key", base_url=service.url) as runtime:
        assert await runtime.create_agent()
    async with AnthropicManagedAgent(config=CLAUDE, base_url="http://127.0.0.1:9") as runtime:
        runtime._timeout = 1.0
        with pytest.raises(UnavailableError, match="The service cannot be reached"):
            await runtime.create_agent()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    async with AnthropicManagedAgent(config=CLAUDE) as runtime:
        with pytest.raises(ConfigError, match="There is no key for Anthropic"):
            await runtime.create_agent()


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (LocalManagedConfig(), "takes a ManagedConfig"),
        (ManagedConfig(model="gpt-4o"), "'gpt-4o' is no model of Anthropic's"),
        (ManagedConfig(tools=["search_memory"]), "There is no tool 'search_memory' where agents are hosted"),
        (ManagedConfig(tools=[print]), "A function is no tool"),
        (ManagedConfig(callable_agents=[{"id": "x"}]), "callable_agents cannot be used"),
        (ManagedConfig(networking={"type": "open"}), "The type of networking is no 'open'"),
        (ManagedConfig(packages={"pip": "pandas"}), "packages of pip are a list"),  # type: ignore[dict-item]
        ({"modle": "x"}, "no field 'modle'"),
        (7, "7 is no configuration"),
        (ManagedConfig(tools=[CALCULATOR]), "is a custom one, and nothing runs it"),
    ],
)
def test_what_cannot_be_hosted(config: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        HostedManagedAgent(config=config)


def test_compute_is_of_this_machine() -> None:
    with pytest.raises(UsageError, match="ManagedAgent has no option 'compute' here"):
        ManagedAgent(provider="anthropic", compute="docker")
