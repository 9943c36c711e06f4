"""`kill -9` at any instant: the session opens again, holds every word, and goes on."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from lra.session import Session
from tests.session.support import MODELS, Child, Desk, check_calls_closed, end, every_api, rows, take
from tests.support.fixtures import Api
from tests.support.model_server import Step, call, say

pytestmark = pytest.mark.timeout(120)

ASKED = "My dog is called Rex. Remind me to feed it."
TOOLS = (
    call("write_memory", content="The dog is called Rex", key="user.dog"),
    call("create_task", title="Feed the dog"),
)
Lines = list[dict[str, Any]]


def answer(body: dict[str, Any]) -> Step:
    """Work on what was asked with two tools, and close with a sentence, whichever format is spoken."""
    last = (body.get("messages") or body["input"])[-1]
    if "And now?" in json.dumps(last):
        return say("Going on.")
    # One piece each, so that the number of events is known.
    return say(("I write that down.",), *TOOLS) if ASKED in json.dumps(last) else say(("Done, both.",))


def texts(lines: Lines) -> str:
    """All text that the process had printed."""
    return "".join(line["text"] for line in lines if line["type"] == "text_delta")


async def check_recovered(desk: Desk, lines: Lines, *, models: list[str] | None = None) -> Session:
    """Open what a killed process left: whatever it had printed is there, nothing is open, and the next turn works."""
    desk.server.script(default=answer)
    events = [line for line in lines if line.get("turn_id")]
    session = await desk.session(resume=lines[0]["session"])
    store = session.runtime.store
    journal = await rows(session)
    assert (journal[0].role, journal[0].content) == ("user", ASKED)
    said = "".join(row.content for row in journal if row.role == "assistant")
    assert said.startswith(texts(lines))

    results = {row.tool_call_id: row for row in journal if row.role == "tool"}
    for event in events:
        if event["type"] == "tool_started":
            assert event["call_id"] in results
        elif event["type"] == "tool_finished":
            row = results[event["call_id"]]
            assert (row.outcome, row.content) == (event["outcome"], event["content"])
        elif event["type"] == "memory_written":
            assert (await store.memories.get(event["id"])).content == event["content"]
        elif event["type"] == "task_changed":
            assert (await store.tasks.get(event["id"])).title == event["title"]
    await check_calls_closed(session)
    (turn,) = await store.journal.turns(session.id)
    assert await store.journal.streamed(turn.id) == []

    if events and events[-1]["type"] == "turn_finished":
        assert (turn.outcome, session.notices) == ("completed", [])
    else:
        assert turn.outcome == "interrupted"
        assert turn.ended_at is not None
        assert len(session.notices) == 1
        assert "cut off" in session.notices[0]
        for row in results.values():
            assert row.outcome in {"success", "interrupted"}
            if row.outcome == "interrupted":
                assert "effects are unknown" in row.content
                assert row.tool_name is not None
                assert row.tool_name in session.notices[0]
    await check_goes_on(desk, session, models or list(MODELS.values()))
    return session


async def check_goes_on(desk: Desk, session: Session, models: list[str]) -> None:
    """The next turn succeeds on the strict provider, in each wire format, and is sent what was kept."""
    for model in models:
        await session.set_model(model)
        assert end(await take(session, "And now?")).output == "Going on."
        assert ASKED in json.dumps(desk.server.requests[-1].body)
    desk.server.verify()


async def test_after_every_event_of_a_turn_with_two_tools(desk: Desk) -> None:
    # The schema is there before the processes come, as it is in daily life.
    await desk.runtime()
    desk.server.script(default=answer)
    points = range(1, 12)
    with Child(desk.server, "openai-chat", "--text", ASKED, "--die-after", *map(str, points)) as child:
        lines = await asyncio.to_thread(child.rest)
    starts = [index for index, line in enumerate(lines) if line["type"] == "opened"]
    everything = [lines[start:stop] for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True)]

    last = []
    for point, lines in zip(points, everything, strict=True):
        assert (lines[0]["type"], len(lines)) == ("opened", point + 1), lines
        last.append(lines[-1]["type"])
        await desk.close(await check_recovered(desk, lines, models=[list(MODELS.values())[point % 3]]))
    assert last[:5] == ["turn_started", "recalled", "text_delta", "tool_started", "tool_started"]
    # The two tools run side by side, so each run has its own order of these.
    assert set(last[5:9]) <= {"memory_written", "task_changed", "tool_finished"}
    assert last[9:] == ["text_delta", "turn_finished"]


@every_api
async def test_in_the_middle_of_text(desk: Desk, api: Api) -> None:
    desk.server.script(say(("I write ", "that down."), *TOOLS, hold=1))
    with Child(desk.server, api, "--text", ASKED) as child:
        await asyncio.to_thread(child.until, "text_delta")
        lines = await asyncio.to_thread(child.kill)
    assert texts(lines) == "I write "
    session = await check_recovered(desk, lines, models=[MODELS[api]])
    partial = (await rows(session))[1]
    assert (partial.role, partial.content, partial.outcome) == ("assistant", "I write ", "interrupted")


async def test_inside_a_tool_while_another_is_done(desk: Desk) -> None:
    desk.server.script(say("Both.", call("create_task", title="Feed the dog"), call("wait_for_ever")))
    with Child(desk.server, "openai-chat", "--text", ASKED, "--waiting-tool") as child:
        await asyncio.to_thread(child.until, "tool_finished")
        if "tool_runs" not in [line["type"] for line in child.lines]:
            await asyncio.to_thread(child.until, "tool_runs")
        lines = await asyncio.to_thread(child.kill)
    session = await check_recovered(desk, lines)
    outcomes = {row.tool_name: row.outcome for row in await rows(session) if row.role == "tool"}
    assert outcomes == {"create_task": "success", "wait_for_ever": "interrupted"}
    assert "wait_for_ever" in session.notices[0]
    assert "create_task" not in session.notices[0]


async def test_while_the_last_answer_has_not_begun(desk: Desk) -> None:
    desk.server.script(say("I write that down.", *TOOLS), say("Never.", hold=0))
    with Child(desk.server, "anthropic", "--text", ASKED) as child:
        await asyncio.to_thread(child.until, "tool_finished")
        await desk.server.until_held()
        lines = await asyncio.to_thread(child.kill)
    session = await check_recovered(desk, lines)
    assert {row.outcome for row in await rows(session) if row.role == "tool"} == {"success"}


async def test_from_outside_while_words_stream_in(desk: Desk) -> None:
    words = tuple(f"word{number} " for number in range(2000))
    desk.server.script(say(words, chunk_delay=0.001))
    with Child(desk.server, "openai-chat", "--text", ASKED) as child:
        while len(texts(child.lines)) < 500:
            await asyncio.to_thread(child.until, "text_delta")
        lines = await asyncio.to_thread(child.kill)
    assert lines[-1]["type"] == "text_delta"
    await check_recovered(desk, lines)


async def test_twice_in_a_row(desk: Desk) -> None:
    """A process that dies in a turn, and the one that resumes its session dies in the next."""
    desk.server.script(say(("I write ", "that down."), hold=1), say(("And ", "on."), hold=1))
    with Child(desk.server, "openai-chat", "--text", ASKED) as first:
        await asyncio.to_thread(first.until, "text_delta")
        lines = await asyncio.to_thread(first.kill)
    session_id = lines[0]["session"]
    with Child(desk.server, "openai-chat", "--resume", session_id, "--text", "Again, please.") as second:
        await asyncio.to_thread(second.until, "text_delta")
        again = await asyncio.to_thread(second.kill)
    assert len(again[0]["notices"]) == 1

    desk.server.script(default=answer)
    session = await desk.session(resume=session_id)
    assert [(row.role, row.content) for row in await rows(session)] == [
        ("user", ASKED),
        ("assistant", "I write "),
        ("user", "Again, please."),
        ("assistant", "And "),
    ]
    await check_goes_on(desk, session, list(MODELS.values()))


async def test_a_fork_of_a_session_whose_tool_runs_elsewhere_can_be_used(desk: Desk) -> None:
    desk.server.script(say("Both.", call("create_task", title="Feed the dog"), call("wait_for_ever")))
    with Child(desk.server, "openai-chat", "--text", ASKED, "--waiting-tool") as child:
        await asyncio.to_thread(child.until, "tool_finished")
        desk.server.script(default=answer)
        fork = await desk.session(resume=child.lines[0]["session"], fork=True)
        assert (await rows(fork))[0].content == ASKED
        await check_goes_on(desk, fork, list(MODELS.values()))


async def test_the_session_is_free_at_once(desk: Desk) -> None:
    desk.server.script(say("One.", hold=0))
    with Child(desk.server, "openai-chat", "--text", ASKED) as child:
        await asyncio.to_thread(child.until, "turn_started")
        lines = await asyncio.to_thread(child.kill)
    before = time.monotonic()
    await desk.session(resume=lines[0]["session"])
    # A lease that had to run out would take half a minute.
    assert time.monotonic() - before < 15
