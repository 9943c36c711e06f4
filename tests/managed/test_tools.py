"""Which tools a managed agent has, who is asked about them, and custom ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lra import Agent
from lra.errors import LraError, UsageError
from lra.managed import LocalManagedConfig, ManagedConfig
from lra.managed.selection import select
from tests.managed.conftest import Make
from tests.support.model_server import ModelServer, call, say

CALCULATOR = {
    "type": "custom",
    "name": "calculator",
    "description": "Evaluate math expressions",
    "input_schema": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
}


def returned(model_server: ModelServer) -> list[str]:
    return [message.text for message in model_server.last_messages() if message.role == "tool"]


def handle(name: str, given: dict[str, Any]) -> Any:
    match given["expression"]:
        case "1/0":
            return 1 // 0
        case "long":
            return "x" * 1_000_000
        case "dict":
            return {"name": name}
        case "sentence":
            raise LraError("That is no sum.", hint="Ask for another.")
    return str(6 * 7)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_custom_tool_runs_in_the_program(managed: Make, model_server: ModelServer, asynchronous: bool) -> None:
    async def later(name: str, given: dict[str, Any]) -> Any:
        await asyncio.sleep(0)
        return handle(name, given)

    sums = ("6*7", "1/0", "dict", "sentence", "long")
    model_server.script(*(say("", call("calculator", expression=each)) for each in sums), say("Done."))
    config = ManagedConfig(model="gpt-4o-mini", tools=[CALCULATOR])
    backend = managed(config=config, on_custom_tool=later if asynchronous else handle)
    assert Agent(backend=backend).start("calculate") == "Done."
    good, failed, record, sentence, long = returned(model_server)
    assert good == "42"
    assert "ZeroDivisionError: integer division or modulo by zero" in failed
    assert json.loads(record) == {"name": "calculator"}
    assert "That is no sum. Ask for another." in sentence
    assert len(long) < 110_000
    (offered,) = model_server.requests[-1].body["tools"]
    assert offered["function"]["name"] == "calculator"
    assert offered["function"]["parameters"]["required"] == ["expression"]


def test_whoever_confirms_is_asked_about_every_call(managed: Make, model_server: ModelServer) -> None:
    asked: list[dict[str, Any]] = []

    def confirm(what: dict[str, Any]) -> bool | str:
        asked.append(what)
        return "not that one" if what["input"]["expression"] == "1/0" else what["input"]["expression"] == "6*7"

    model_server.script(
        say("", call("calculator", expression="6*7")),
        say("", call("calculator", expression="1/0")),
        say("", call("calculator", expression="dict")),
        say("Done."),
    )
    config = LocalManagedConfig(
        model="gpt-4o-mini", tools=[CALCULATOR], on_custom_tool=handle, on_tool_confirmation=confirm
    )
    Agent(backend=managed(config=config)).start("calculate")
    good, told, refused = returned(model_server)
    assert good == "42"
    assert "the person refused it: not that one" in told
    assert "Not run: the person refused it." in refused
    assert [each["tool_name"] for each in asked] == ["calculator"] * 3
    assert asked[0]["input"] == {"expression": "6*7"}


@pytest.mark.parametrize(
    ("policy", "confirm", "ran"),
    [("always_allow", False, True), ("always_ask", None, False), ("always_ask", True, True), ("auto", None, True)],
)
@pytest.mark.usefixtures("sandboxes")
def test_a_policy_says_who_is_asked(
    managed: Make, model_server: ModelServer, policy: str, confirm: bool | None, ran: bool
) -> None:
    entry = {
        "type": "agent_toolset_20260401",
        "default_config": {"enabled": False},
        "configs": [{"name": "bash", "enabled": True, "permission_policy": {"type": policy}}],
    }
    model_server.script(say("", call("execute_command", command="echo ran")), say("Done."))
    confirmation = None if confirm is None else lambda _call: confirm
    config = ManagedConfig(model="gpt-4o-mini", tools=[entry])
    Agent(backend=managed(config=config, on_tool_confirmation=confirmation)).start("run it")
    assert model_server.requests[-1].tools == ["execute_command"]
    (text,) = returned(model_server)
    assert ("ran\\n" in text) is ran
    assert ("Not run" in text) is not ran


def test_a_confirmation_that_fails_refuses(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("", call("calculator", expression="6*7")), say("Done."))
    config = ManagedConfig(model="gpt-4o-mini", tools=[CALCULATOR])
    backend = managed(config=config, on_custom_tool=handle, on_tool_confirmation=lambda _call: 1 / 0)
    Agent(backend=backend).start("calculate")
    assert "on_tool_confirmation failed (ZeroDivisionError" in returned(model_server)[0]


def test_a_page_is_asked_about_and_a_rule_denies(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("", call("web_fetch", url="https://example.org")), say("Done."))
    Agent(backend=managed(config=LocalManagedConfig(model="gpt-4o-mini", tools=["web_fetch"]))).start("read")
    assert "Nobody can be asked here." in returned(model_server)[0]


def test_memory_only_for_those_who_name_it(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("", call("write_memory", content="The dog is called Rex")), say("Kept."))
    config = LocalManagedConfig(model="gpt-4o-mini", tools=["search_memory", "write_memory"])
    Agent(backend=managed(config=config)).start("Remember my dog Rex")
    assert sorted(model_server.requests[-1].tools) == ["search_memory", "write_memory"]
    model_server.script(say("I do not know."), say("Rex."))
    Agent(backend=managed(config=LocalManagedConfig(model="gpt-4o-mini", tools=[]))).start("What is my dog called?")
    assert "Rex" not in json.dumps(model_server.requests[-1].body)
    Agent(backend=managed(config=config)).start("What is my dog called?")
    assert "The dog is called Rex" in json.dumps(model_server.requests[-1].body)


def test_functions_are_tools_too(managed: Make, model_server: ModelServer) -> None:
    def count_words(text: str) -> int:
        """Count the words of a text."""
        return len(text.split())

    model_server.script(say("", call("count_words", text="a b c")), say("Three."))
    Agent(backend=managed(config=LocalManagedConfig(model="gpt-4o-mini", tools=[count_words]))).start("count")
    assert returned(model_server) == ["3"]


def test_turns_have_a_limit(managed: Make, model_server: ModelServer) -> None:
    model_server.script(default=say("", call("calculator", expression="6*7")))
    config = LocalManagedConfig(model="gpt-4o-mini", tools=[CALCULATOR], max_turns=3, on_custom_tool=handle)
    with pytest.raises(LraError, match="3"):
        Agent(backend=managed(config=config)).start("calculate for ever")
    assert len(model_server.requests) == 3


def toolset(**fields: Any) -> dict[str, Any]:
    return {"type": "agent_toolset_20260401", **fields}


def test_what_is_selected() -> None:
    every = ["execute_command", "read_file", "write_file", "edit_file", "find_files", "search_files"]
    assert list(select([toolset()]).policies) == [*every, "web_fetch", "web_search"]
    assert "execute_command" not in select([toolset(configs=[{"name": "bash", "enabled": False}])]).policies
    assert list(select([toolset(default_config={"enabled": False})]).policies) == []
    assert list(select(["bash", "search_web", "run_command"]).policies) == ["execute_command", "web_search"]
    ask = toolset(default_config={"permission_policy": {"type": "always_ask"}})
    assert set(select([ask]).policies.values()) == {"ask"}


@pytest.mark.parametrize(
    ("tools", "sentence"),
    [
        (["execute_comand"], r"no tool 'execute_comand'. Is 'execute_command' meant\?"),
        ("execute_command", "tools are a list"),
        ([7], "7 is no tool"),
        ([{"type": "mcp_toolset"}], "no tools of type 'mcp_toolset'"),
        ([toolset(configs=[{"name": "vi"}])], "The toolset has no tool 'vi'"),
        ([toolset(default_config={"permission_policy": {"type": "maybe"}})], "no permission_policy 'maybe'"),
        ([toolset(default_config=7)], "default_config of the toolset is a dict"),
        ([{**CALCULATOR, "name": "no name"}], "'no name' is no name for a custom tool"),
        ([{**CALCULATOR, "name": "read_file"}], "has the name of a tool of the program"),
        ([{**CALCULATOR, "input_schema": {"type": "string"}}], "no JSON schema of an object"),
        ([CALCULATOR, CALCULATOR], "Two tools have the name 'calculator'"),
        ([CALCULATOR], "is a custom one, and nothing runs it"),
    ],
)
def test_tools_that_cannot_be_had(managed: Make, tools: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        managed(config=LocalManagedConfig(model="offline", tools=tools))
