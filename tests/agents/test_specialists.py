"""Specialists do a task with a history, limits and a share of the budget of their own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lra import events
from lra.agent.custom import Definition
from lra.agent.specialists import Specialist
from lra.session import Session
from lra.session.undo import Undone
from lra.store import StructuredMemoryStore
from tests.session.support import Desk, check_calls_closed, end, every_api, of, shown, take
from tests.support.fixtures import Api
from tests.support.model_server import Usage, call, fail, say


def talks(name: str, **more: Any) -> Specialist:
    """A specialist that is told who it is."""
    return Specialist(
        name=name, description=f"For {name}.", instructions=f"You are the specialist {name}.", **{"tools": ()} | more
    )


def with_specialists(*specialists: Specialist) -> Definition:
    return Definition(name="tester", specialists=specialists)


def told(name: str) -> str:
    """What only requests of a specialist hold."""
    return f"You are the specialist {name}."


async def below(session: Session) -> list[Any]:
    return await session.runtime.store.sessions.below(session.id)


def tool_results(found: Sequence[events.Event]) -> dict[str, str]:
    return {event.name: event.content for event in of(found, events.ToolFinished) if not event.parent}


@every_api
async def test_a_task_is_done_in_a_conversation_of_its_own(desk: Desk, api: Api) -> None:
    session = await desk.session(api, agent=with_specialists(talks("poet")))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write about rain.", context="In two words.")),
        say("Falling water."),
        say("It wrote: Falling water."),
    )
    seen = await take(session, "A poem, please.")
    assert end(seen).output == "It wrote: Falling water."
    assert tool_results(seen) == {"delegate_poet_task": "Falling water."}

    asked = desk.server.requests[1]
    said = "\n".join(message.text for message in asked.messages)
    assert "You are the specialist poet." in said
    assert "Write about rain." in said
    assert "In two words." in said
    assert "A poem, please." not in said
    assert asked.tools == []

    (child,) = await below(session)
    assert (child.agent, child.origin, child.parent_id, child.turns) == ("poet", "specialist", session.id, 1)
    kept = await session.runtime.store.journal.rows(child.id)
    assert [(row.role, row.content) for row in kept] == [
        ("user", "Write about rain.\n\nWhat you have to know:\nIn two words."),
        ("assistant", "Falling water."),
    ]
    await check_calls_closed(session)


async def test_what_happens_at_a_specialist_is_told_below_the_call(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("clerk", tools=("create_task", "list_tasks"))))
    desk.server.script(
        say("Let me ask.", call("delegate_clerk_task", task="Note: feed the dog.")),
        say("I note it.", call("create_task", title="Feed the dog")),
        say("It is noted."),
        say("Done."),
    )
    seen = await take(session, "Remind me to feed the dog.")
    (outer,) = [event for event in of(seen, events.ToolStarted) if not event.parent]
    (started,) = of(seen, events.SpecialistStarted)
    (finished,) = of(seen, events.SpecialistFinished)
    (inner,) = [event for event in of(seen, events.ToolStarted) if event.parent]
    (child,) = await below(session)
    assert (started.call_id, started.name, started.session) == (outer.call_id, "clerk", child.id)
    assert (inner.name, inner.agent, inner.parent) == ("create_task", "clerk", outer.call_id)
    changed = of(seen, events.TaskChanged)
    assert [(event.agent, event.parent) for event in changed] == [("clerk", outer.call_id)]
    # What it says is live output of the call, and no part of the answer.
    assert "".join(event.text for event in of(seen, events.ToolProgress)) == "I note it.It is noted."
    assert shown(seen) == "Let me ask.Done."
    assert (finished.outcome, finished.usage.requests) == ("completed", 2)
    assert inner.to_dict()["parent"] == outer.call_id
    assert "parent" not in outer.to_dict()
    order = [event.type for event in seen if event.type.startswith(("specialist", "tool_s", "tool_f"))]
    assert order == [
        "tool_started",
        "specialist_started",
        "tool_started",
        "tool_finished",
        "specialist_finished",
        "tool_finished",
    ]


async def test_usage_and_cost_count_into_the_turn(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet")))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")), say("A long poem about many things."), say("Here.")
    )
    seen = await take(session, "Write.")
    (finished,) = of(seen, events.SpecialistFinished)
    usage = end(seen).usage
    assert usage.requests == 3
    assert finished.usage.requests == 1
    assert usage.output_tokens > finished.usage.output_tokens > 0
    assert end(seen).cost is not None
    assert finished.cost is not None
    assert 0 < finished.cost < (end(seen).cost or 0)
    spent, _ = await session.runtime.store.journal.spent(session.id)
    assert spent == pytest.approx(end(seen).cost)


async def test_several_work_at_once(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("left"), talks("right")))
    desk.server.script(
        say("", call("delegate_left_task", task="One."), call("delegate_right_task", task="Two.")),
        say("Left is done.", when=told("left"), hold=0),
        say("Right is done.", when=told("right"), hold=0),
        say("Both are done."),
    )

    async def release() -> None:
        # Both wait for their answers at the same time.
        await desk.server.until_held(2)
        desk.server.release(2)

    releasing = asyncio.create_task(release())
    seen = await take(session, "Do both.")
    await releasing
    assert tool_results(seen) == {"delegate_left_task": "Left is done.", "delegate_right_task": "Right is done."}
    assert len(await below(session)) == 2
    assert end(seen).usage.requests == 4


async def test_a_failure_is_a_result_the_agent_can_use(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet")))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")),
        fail("bad_request", message="This cannot be done."),
        say("The poet could not do it."),
    )
    seen = await take(session, "Write.")
    assert end(seen).outcome == "completed"
    (result,) = [event for event in of(seen, events.ToolFinished) if not event.parent]
    assert result.outcome == "failed"
    assert "The specialist poet did not finish." in result.content
    assert of(seen, events.SpecialistFinished)[0].outcome == "failed"


@pytest.mark.parametrize(
    ("specialist", "why"),
    [
        (talks("poet", max_requests=1, tools=("list_tasks",)), "did not finish"),
        (talks("poet", model="nobody"), "'nobody' is no model name"),
    ],
)
async def test_limits_are_a_result_too(desk: Desk, specialist: Specialist, why: str) -> None:
    session = await desk.session(agent=with_specialists(specialist))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")),
        *([say("", call("list_tasks"))] if specialist.model is None else []),
        say("It could not."),
    )
    seen = await take(session, "Write.")
    assert why in tool_results(seen)["delegate_poet_task"]
    assert end(seen).output == "It could not."


async def test_time_is_a_limit(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet", max_seconds=0.2)))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")), say(("I am ", "slow."), hold=1), say("It was late.")
    )
    seen = await take(session, "Write.")
    result = tool_results(seen)["delegate_poet_task"]
    assert "Its 0.2 seconds are over." in result
    assert "I am" in result
    assert end(seen).output == "It was late."


async def test_one_can_be_stopped_and_the_turn_goes_on(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("left"), talks("right")))
    desk.server.script(
        say("", call("delegate_left_task", task="One."), call("delegate_right_task", task="Two.")),
        say("never", when=told("left"), hold=0),
        say("Right is done.", when=told("right"), hold=0),
        say("One of them is done."),
    )

    async def stop() -> None:
        await desk.server.until_held(2)
        running = session.delegation.running
        assert sorted(each.name for each in running.values()) == ["left", "right"]
        next(each for each in running.values() if each.name == "left").stop()
        while len(running) > 1:
            await asyncio.sleep(0.01)
        desk.server.release(2)

    stopping = asyncio.create_task(stop())
    seen = await take(session, "Do both.")
    await stopping
    results = tool_results(seen)
    assert "The person stopped it." in results["delegate_left_task"]
    assert results["delegate_right_task"] == "Right is done."
    assert end(seen).outcome == "completed"
    assert session.delegation.running == {}


async def test_cancelling_the_turn_ends_its_specialists(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet")))
    desk.server.script(say("", call("delegate_poet_task", task="Write.")), say(("Half a ", "poem"), hold=1))

    def watch(event: events.Event) -> None:
        if isinstance(event, events.ToolProgress):
            session.cancel()

    seen = await take(session, "Write.", watch)
    assert end(seen).outcome == "interrupted"
    assert of(seen, events.SpecialistFinished)[0].outcome == "interrupted"
    (child,) = await below(session)
    (turn,) = await session.runtime.store.journal.turns(child.id)
    assert turn.outcome == "interrupted"
    assert "Half a" in (await session.runtime.store.journal.rows(child.id))[-1].content
    # The specialist's request is paid for, and counts.
    assert end(seen).usage.requests >= 1
    desk.server.release()
    desk.server.script(say("Here I am."))
    assert end(await take(session, "Still there?")).output == "Here I am."


async def test_a_share_of_the_money_is_all_it_gets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRA_MAX_COST", "0.005")
    session = await desk.session(agent=with_specialists(talks("poet", tools=("list_tasks",))))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")),
        # More than half of what is left, and less than all.
        say("", call("list_tasks"), usage=Usage(input_tokens=100, output_tokens=4000)),
        say("It was too expensive."),
    )
    seen = await take(session, "Write.")
    result = tool_results(seen)["delegate_poet_task"]
    assert "did not finish" in result
    assert "cost limit" in result
    assert end(seen).outcome == "completed"


async def test_requests_of_all_count_against_the_limit_of_the_turn(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRA_MAX_REQUESTS", "6")
    session = await desk.session(agent=with_specialists(talks("poet", tools=("list_tasks",))))
    desk.server.script(
        say("", call("delegate_poet_task", task="Write.")),
        # Half of the five that are left.
        say("", call("list_tasks")),
        say("", call("list_tasks")),
        say("I have an answer all the same."),
    )
    seen = await take(session, "Write.")
    assert "did not finish" in tool_results(seen)["delegate_poet_task"]
    assert end(seen).usage.requests == 4
    assert end(seen).outcome == "completed"


async def test_a_specialist_has_the_tools_it_names_and_no_others(desk: Desk) -> None:
    whole = talks("whole", tools=None)
    few = talks("few", tools=("list_tasks", "no_such_tool"))
    session = await desk.session(agent=with_specialists(whole, few))
    desk.server.script(
        say("", call("delegate_whole_task", task="One.")),
        say("Seen."),
        say("", call("delegate_few_task", task="Two.")),
        say("", call("write_memory", content="Not for me")),
        say("I may not."),
        say("Done."),
    )
    await take(session, "Go.")
    everything = desk.server.requests[1].tools
    assert "create_task" in everything
    assert not [name for name in everything if name.startswith("delegate_")]
    assert desk.server.requests[3].tools == ["list_tasks"]
    assert [record.content for record in await session.runtime.store.memories.find()] == []


async def test_going_round_in_a_circle_is_refused(desk: Desk) -> None:
    session = await desk.session(
        agent=with_specialists(
            talks("left", tools=("delegate_right_task",)), talks("right", tools=("delegate_left_task",))
        )
    )
    desk.server.script(
        say("", call("delegate_left_task", task="Go on.")),
        say("", call("delegate_right_task", task="Go on."), when=told("left")),
        say("", call("delegate_left_task", task="Go on."), when=told("right")),
        say("Then I do it myself.", when="round in a circle"),
        say("Right did it."),
        say("All done."),
    )
    seen = await take(session, "Go on.")
    assert end(seen).output == "All done."
    (refused,) = [event for event in of(seen, events.ToolFinished) if event.outcome == "failed"]
    assert "left → right → left" in refused.content
    assert end(seen).usage.requests == 6
    # Right's conversation is below left's, and left's below the session's.
    (left,) = await below(session)
    (right,) = await session.runtime.store.sessions.below(left.id)
    assert (left.agent, right.agent) == ("left", "right")
    depths = {event.name: event.parent for event in of(seen, events.SpecialistStarted)}
    assert depths["left"] == ""
    assert depths["right"] == of(seen, events.SpecialistStarted)[0].call_id


async def test_approval_is_asked_for_and_given_once(desk: Desk) -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    async def approver(name: str, args: dict[str, Any], reason: str, **_: Any) -> bool:
        asked.append((name, args))
        assert reason == "poet asks. It is dangerous."
        return False

    async def danger(what: str) -> str:
        """Do something dangerous.

        Args:
            what: What to do.
        """
        raise AssertionError("it was refused")

    from pydantic_ai import FunctionToolset

    from lra.tools.deps import AgentDeps

    toolset: FunctionToolset[AgentDeps] = FunctionToolset(
        [danger], metadata={"consent": "ask", "why": "It is dangerous.", "source": "agent"}
    )
    definition = Definition(name="tester", toolsets=(toolset,), specialists=(talks("poet", tools=("danger",)),))
    session = await desk.session(agent=definition, approver=approver)
    desk.server.script(
        say("", call("delegate_poet_task", task="Be bold.")),
        say("", call("danger", what="jump")),
        say("I was not allowed."),
        say("It was not allowed."),
    )
    seen = await take(session, "Be bold.")
    assert asked == [("danger", {"what": "jump"})]
    (request,) = of(seen, events.ApprovalRequested)
    assert (request.agent, request.name) == ("poet", "danger")


async def test_what_a_specialist_remembers_goes_with_the_turn(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("clerk", tools=("write_memory",))))
    desk.server.script(
        say("", call("delegate_clerk_task", task="Remember the dog.")),
        say("", call("write_memory", content="The dog is called Rex")),
        say("Noted."),
        say("Noted."),
    )
    seen = await take(session, "My dog is called Rex.")
    assert len(end(seen).remembered) == 1
    store = session.runtime.store
    assert [record.content for record in await store.memories.find()] == ["The dog is called Rex"]
    undone: Undone = await session.undo()
    assert undone is not None
    assert await store.memories.find() == []


async def test_conversations_of_specialists_are_no_clutter_and_go_with_theirs(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet")))
    desk.server.script(say("", call("delegate_poet_task", task="Write xylophone.")), say("Xylophone!"), say("Done."))
    await take(session, "Write.")
    store: StructuredMemoryStore = session.runtime.store
    (child,) = await below(session)
    assert [record.id for record in await store.sessions.find()] == [session.id]
    latest = await store.sessions.latest()
    assert latest is not None
    assert latest.id == session.id
    assert not [hit for hit in await session.runtime.memory.search("xylophone") if hit.session == child.id]
    await desk.close(session)
    runtime = await desk.runtime()
    await runtime.store.sessions.delete(session.id)
    assert await runtime.store.sessions.below(session.id) == []
    assert await runtime.store.journal.rows(child.id) == []


async def test_a_process_that_dies_leaves_what_a_specialist_did(desk: Desk) -> None:
    session = await desk.session(agent=with_specialists(talks("poet")))
    store = session.runtime.store
    desk.server.script(say("", call("delegate_poet_task", task="Write.")), say("A poem."), say("Here."))
    await take(session, "Write.")
    (child,) = await below(session)
    await desk.close(session)
    # As after a kill: both turns are open.
    runtime = await desk.runtime()
    store = runtime.store
    reopen = "UPDATE turns SET outcome = NULL WHERE session_id IN (?, ?)"
    await store.database.write(lambda connection: connection.exec_driver_sql(reopen, (session.id, child.id)))
    again = await desk.session(runtime=runtime, resume=session.id)
    assert any("cut off" in notice for notice in again.notices)
    (turn,) = await store.journal.turns(child.id)
    assert turn.outcome == "interrupted"


def _lines(*lines: str) -> str:
    return "\n".join(lines)


FILES: list[tuple[str, str, str]] = [
    ("good.md", _lines("---", "name: critic", "description: Judges.", "tools: list_tasks", "---", "Be strict."), ""),
    ("open.md", _lines("---", "name: critic", "description: x"), "line 1: the fields have no end"),
    ("yaml.md", _lines("---", "name: critic", "description: [x", "---", "Be strict."), "line 3"),
    ("list.md", _lines("---", "- critic", "---", "Be strict."), "line 2"),
    ("field.md", _lines("---", "nmae: critic", "---", "Be strict."), "there is no field 'nmae'"),
    ("name.md", _lines("---", "name: A Critic!", "description: x", "---", "y"), "is no name for a specialist"),
    ("empty.md", _lines("---", "name: critic", "description: x", "---"), "has no instructions"),
    ("what.md", _lines("---", "name: critic", "---", "Be strict."), "has no description"),
    ("tools.md", _lines("---", "name: c", "description: x", "tools: 7", "---", "y"), "tools is a list of names"),
    ("big.md", "x" * 70_000, "larger than"),
]


@pytest.mark.parametrize(("name", "text", "problem"), FILES, ids=[name for name, *_ in FILES])
async def test_files_of_the_person(desk: Desk, home: Path, name: str, text: str, problem: str) -> None:
    folder = home / "lra" / "agents"
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    session = await desk.session()
    assert {"code", "research"} <= set(session.delegation.specialists)
    if problem:
        assert [notice for notice in session.notices if problem in notice and name in notice], session.notices
        return
    critic = session.delegation.specialists["critic"]
    assert (critic.source, critic.tools, critic.instructions) == ("user", ("list_tasks",), "Be strict.")
    assert "delegate_critic_task" in [tool.name for tool in session.tools()]


async def test_files_that_are_no_text_or_cannot_be_read(desk: Desk, home: Path) -> None:
    folder = home / "lra" / "agents"
    folder.mkdir(parents=True)
    (folder / "bytes.md").write_bytes(b"\xff\xfe\x00")
    (folder / "bomb.md").write_text(
        "---\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]\n" for n in range(9))
        + "---\nx"
    )
    session = await desk.session()
    assert len([notice for notice in session.notices if "left out" in notice]) == 2


@pytest.mark.parametrize("trusted", [True, False])
async def test_files_of_a_project_count_where_it_is_trusted(
    desk: Desk, home: Path, trusted: bool, trusting: Callable[[Path], None]
) -> None:
    folder = home / "work" / ".lra" / "agents"
    folder.mkdir(parents=True)
    (folder / "critic.md").write_text("---\ndescription: Judges.\n---\nBe strict.")
    if trusted:
        await asyncio.to_thread(trusting, home / "work")
    session = await desk.session()
    assert ("critic" in session.delegation.specialists) is trusted
    told = [notice for notice in session.notices if "agents are ignored until you trust this folder" in notice]
    assert len(told) == (not trusted)


async def test_a_person_may_replace_a_built_in_one(desk: Desk, home: Path) -> None:
    folder = home / "lra" / "agents"
    folder.mkdir(parents=True)
    (folder / "code.md").write_text("---\nname: code\ndescription: Mine.\nmodel: anthropic:x\n---\nMy way.")
    session = await desk.session()
    assert session.delegation.specialists["code"].model == "anthropic:x"
    assert json.dumps([tool.name for tool in session.tools()]).count("delegate_code_task") == 1
