"""Tools of MCP servers in a conversation: offered when they are ready, asked about, and never in the way."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lra import events
from lra.config import config_dir
from lra.session import Session
from lra.tools.consent import Answer
from lra.tools.mcp.server import McpServer
from lra.tools.mcp.toolset import servers_in
from tests.mcp.support import TIME, hostile, write_servers
from tests.session.support import Desk, end, of, take
from tests.support.model_server import call, say


class Person:
    """Answers questions, and remembers them."""

    def __init__(self, answer: Answer = True) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any], str]] = []

    async def __call__(self, name: str, args: dict[str, Any], reason: str, **more: Any) -> Answer:
        self.asked.append((name, args, reason))
        return self.answer


async def opened(desk: Desk, person: Person, **servers: dict[str, Any]) -> Session:
    await asyncio.to_thread(write_servers, servers)
    return await desk.session(approver=person, use_memory=False)


def server_of(session: Session) -> McpServer:
    (server,) = servers_in(session.toolsets)
    return server


def offered(desk: Desk) -> list[str]:
    """The tools that the last request offered."""
    return desk.server.requests[-1].tools


async def test_a_tool_is_asked_about_run_and_listed(desk: Desk) -> None:
    person = Person()
    session = await opened(desk, person, time={"command": TIME})
    desk.server.add(say("", call("mcp__time__get_current_time", timezone="Asia/Tokyo")), say("It is late there."))
    seen = await take(session, "what time is it in Tokyo?")
    assert end(seen).output == "It is late there."
    (finished,) = of(seen, events.ToolFinished)
    assert finished.outcome == "success"
    assert "+09:00" in finished.content
    why = "It is a tool of the MCP server time, which says that it only reads."
    assert person.asked == [("mcp__time__get_current_time", {"timezone": "Asia/Tokyo"}, why)]
    assert ("mcp__time__convert_time", "mcp:time") in [(tool.name, tool.source) for tool in session.tools()]


async def test_what_is_refused_does_not_happen(desk: Desk) -> None:
    session = await opened(desk, Person("not now"), a=hostile("dies"))
    desk.server.add(say("", call("mcp__a__echo", text="x")), say("All right."))
    (finished,) = of(await take(session, "go"), events.ToolFinished)
    assert finished.outcome == "denied"
    assert "not now" in finished.content
    # It would have ended its program.
    assert server_of(session).state == "ready"


async def test_a_rule_allows_what_the_person_wants_unasked(desk: Desk) -> None:
    await asyncio.to_thread(write_servers, {})
    rules = config_dir() / "permissions.toml"
    await asyncio.to_thread(rules.write_text, '[[rule]]\nallow = "mcp__a__*"\n')
    person = Person(False)
    session = await opened(desk, person, a=hostile("good"))
    desk.server.add(say("", call("mcp__a__echo", text="hello")), say("Done."))
    (finished,) = of(await take(session, "go"), events.ToolFinished)
    assert (finished.outcome, finished.content, person.asked) == ("success", "hello", [])


async def test_a_server_that_dies_costs_its_own_tools_and_not_the_turn(desk: Desk) -> None:
    session = await opened(desk, Person(), a=hostile("dies"), b={"command": TIME})
    desk.server.add(say("", call("mcp__a__echo", text="x")), say("It broke."), say("Still here."))
    seen = await take(session, "go")
    (finished,) = of(seen, events.ToolFinished)
    assert finished.outcome == "failed"
    assert "The MCP server a failed: its program ended with code 7: Traceback: the disk is full." in finished.content
    assert end(seen).output == "It broke."
    assert "mcp__a__echo" not in offered(desk)
    assert "mcp__b__get_current_time" in offered(desk)
    assert end(await take(session, "and now?")).output == "Still here."


async def test_a_server_that_hangs_is_not_waited_for_where_the_process_stays(desk: Desk) -> None:
    await asyncio.to_thread(write_servers, {"a": hostile("hangs", startTimeout=600)})
    runtime = await desk.runtime()
    runtime.long_lived = True
    session = await desk.session(runtime=runtime, approver=Person(), use_memory=False)
    desk.server.add(say("At once."))
    assert end(await take(session, "hello")).output == "At once."
    assert server_of(session).state == "starting"
    assert not any(name.startswith("mcp__") for name in offered(desk))


async def test_the_person_is_told_once_which_tools_are_missing(desk: Desk) -> None:
    session = await opened(desk, Person(), a={"command": "no-such-program-anywhere"})
    desk.server.add(say("One."), say("Two."))
    (notice,) = of(await take(session, "one"), events.Notice)
    assert notice.text.startswith(
        "The tools of the MCP server a are missing: it cannot be started: there is no program"
    )
    assert of(await take(session, "two"), events.Notice) == []


async def test_tools_join_a_turn_that_runs_already(desk: Desk) -> None:
    await asyncio.to_thread(write_servers, {"a": hostile("good")})
    runtime = await desk.runtime()
    runtime.long_lived = True
    session = await desk.session(runtime=runtime, approver=Person(), use_memory=False)
    desk.server.add(say("Hello."), say("", call("list_tasks")), say("Nothing."))
    await take(session, "hello")
    await server_of(session).settled()
    await take(session, "what is to be done?")
    assert "mcp__a__echo" in offered(desk)


async def test_results_are_kept_for_the_next_turn(desk: Desk) -> None:
    session = await opened(desk, Person(), a=hostile("big"), b=hostile("picture"))
    desk.server.add(
        say("", call("mcp__a__echo", text="")), say("", call("mcp__b__echo", text="")), say("Seen."), say("Again.")
    )
    seen = await take(session, "go")
    big, picture = of(seen, events.ToolFinished)
    assert "characters left out" in big.content
    assert picture.outcome == "success"
    assert end(seen).outcome == "completed"
    assert end(await take(session, "and?")).outcome == "completed"
    assert "characters left out" in json.dumps(desk.server.requests[-1].body)


async def test_cancelling_the_turn_leaves_the_server(desk: Desk) -> None:
    session = await opened(desk, Person(), a=hostile("slow"))
    desk.server.add(say("", call("mcp__a__echo", text="x")), say("Next."))

    def stop(event: events.Event) -> None:
        if isinstance(event, events.ToolStarted):
            session.cancel()

    seen = await take(session, "go", stop)
    assert end(seen).outcome == "interrupted"
    assert server_of(session).state == "ready"
    assert end(await take(session, "again")).output == "Next."


async def test_a_session_ends_its_servers(desk: Desk) -> None:
    session = await opened(desk, Person(), time={"command": TIME})
    server = server_of(session)
    await server.settled()
    await desk.close(session)
    assert server.state == "stopped"
