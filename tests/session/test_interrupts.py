"""A person may stop a turn at any moment: it ends at once, nothing is lost, and the next turn works."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from lra.errors import StoreError
from lra.events import Event, Notice, Recalled, Retrying, TextDelta, ToolFinished, ToolStarted, TurnStarted
from lra.memory import Hit, Memory
from lra.session import Session
from tests.session.support import Desk, add_tools, check_calls_closed, end, every_api, of, rows, shown, spoken, take
from tests.support.fixtures import Api
from tests.support.model_server import call, fail, say

PROMPT = 2.0
"""Seconds in which a cancelled turn must end; it takes a fraction of one, and what it waits for here never comes."""
ASKED = "My dog is called Rex. Remind me to feed it."
TOOLS = (
    call("write_memory", content="The dog is called Rex", key="user.dog"),
    call("create_task", title="Feed the dog"),
)


async def interrupt(session: Session, text: str, when: Callable[[Event], bool]) -> list[Event]:
    """Run a turn and cancel it at an event; fails when it does not end soon after."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20) as limit:

        def watch(event: Event) -> None:
            if when(event):
                session.cancel()
                limit.reschedule(loop.time() + PROMPT)

        return await take(session, text, watch)


async def check_kept(session: Session, events: list[Event]) -> None:
    """Everything that was typed or shown is in the journal, and every call has a result."""
    journal = await rows(session, events[0].turn_id)
    assert (journal[0].role, journal[0].content) == ("user", of(events, TurnStarted)[0].text)
    assert "".join(row.content for row in journal if row.role == "assistant").startswith(shown(events))
    results = {row.tool_call_id: row for row in journal if row.role == "tool"}
    for event in of(events, ToolFinished):
        assert (results[event.call_id].outcome, results[event.call_id].content) == (event.outcome, event.content)
    assert {event.call_id for event in of(events, ToolStarted)} <= {event.call_id for event in of(events, ToolFinished)}
    await check_calls_closed(session)
    (turn,) = [turn for turn in await session.runtime.store.journal.turns(session.id) if turn.id == events[0].turn_id]
    assert (turn.outcome, turn.error) == (end(events).outcome, end(events).error)
    assert await session.runtime.store.journal.streamed(turn.id) == []


async def check_goes_on(desk: Desk, session: Session, *, has: str = "") -> None:
    """The next turn succeeds on the strict provider, which is sent what was typed and shown before."""
    # A request that was cancelled may still be on its way, so the script must not run out.
    desk.server.script(default=say("Going on."))
    events = await take(session, "And now?")
    assert (end(events).outcome, end(events).output) == ("completed", "Going on.")
    bodies = [request.body for request in desk.server.requests if "And now?" in json.dumps(request.body)]
    assert has in json.dumps(bodies[-1], ensure_ascii=False)
    desk.server.verify()


async def check_interrupted(desk: Desk, session: Session, events: list[Event]) -> None:
    """The turn ended as interrupted, everything is kept, and the session goes on."""
    last = end(events)
    assert (last.outcome, last.exit_code, last.error) == ("interrupted", 130, "Interrupted.")
    await check_kept(session, events)
    await check_goes_on(desk, session, has=ASKED)


# At every event


@every_api
async def test_cancel_at_every_event_of_a_turn_with_two_tools(desk: Desk, api: Api) -> None:
    session = await desk.session(api)
    at, done = 0, False
    while not done:
        at += 1
        # The last answer never comes to its end, so no turn can complete before it is cancelled.
        desk.server.script(say("I write that down.", *TOOLS), say("Done, both.", hold=1))

        def now(event: Event, at: int = at) -> bool:
            return event.seq == at or (isinstance(event, TextDelta) and event.text.startswith("Done"))

        events = await interrupt(session, ASKED, now)
        done = "Done" in shown(events)
        await check_interrupted(desk, session, events)
    # The start, the recall, the text, two calls, their effects and ends, and the last text.
    assert at >= 10


@every_api
async def test_cancel_in_the_middle_of_text_keeps_what_was_shown(desk: Desk, api: Api) -> None:
    desk.server.script(say(("I write ", "that down."), *TOOLS, hold=1))
    session = await desk.session(api)
    events = await interrupt(session, ASKED, lambda event: isinstance(event, TextDelta))
    assert shown(events) == "I write "
    assert end(events).output == "I write "
    assert (await spoken(session))[1:] == [("assistant", "I write ")]
    assert (await rows(session))[1].outcome == "interrupted"
    await check_interrupted(desk, session, events)
    assert "I write" in json.dumps(desk.server.requests[-1].body)


@every_api
async def test_cancel_before_the_first_byte(desk: Desk, api: Api) -> None:
    desk.server.script(say("Never.", hold=0))
    session = await desk.session(api)
    turn = asyncio.create_task(take(session, ASKED))
    await desk.server.until_held()
    session.cancel()
    async with asyncio.timeout(PROMPT):
        events = await turn
    assert shown(events) == ""
    assert await spoken(session) == [("user", ASKED)]
    await check_interrupted(desk, session, events)


@every_api
async def test_cancel_between_the_tools_and_the_answer(desk: Desk, api: Api) -> None:
    desk.server.script(say("I write that down.", *TOOLS), say("Never.", hold=0))
    session = await desk.session(api)
    turn = asyncio.create_task(take(session, ASKED))
    await desk.server.until_held()
    session.cancel()
    async with asyncio.timeout(PROMPT):
        events = await turn
    assert {event.outcome for event in of(events, ToolFinished)} == {"success"}
    await check_interrupted(desk, session, events)


async def test_two_interrupted_turns_in_a_row(desk: Desk) -> None:
    session = await desk.session("anthropic")
    for _ in range(2):
        desk.server.script(say(("I write ", "that down."), *TOOLS, hold=1))
        events = await interrupt(session, ASKED, lambda event: isinstance(event, TextDelta))
        assert end(events).outcome == "interrupted"
    await check_interrupted(desk, session, events)


# Inside tools


@every_api
async def test_cancel_while_one_tool_runs_and_another_is_done(desk: Desk, api: Api) -> None:
    running = asyncio.Event()

    async def wait_for_ever() -> str:
        """Wait."""
        running.set()
        await asyncio.Event().wait()
        return "never"

    desk.server.script(say("Both.", call("wait_for_ever"), call("create_task", title="Feed the dog")))
    session = await desk.session(api)
    add_tools(session, wait_for_ever)
    events = await interrupt(session, ASKED, lambda event: isinstance(event, ToolFinished) and running.is_set())
    ends = {event.name: event for event in of(events, ToolFinished)}
    assert (ends["create_task"].outcome, ends["wait_for_ever"].outcome) == ("success", "interrupted")
    assert "effects are unknown" in ends["wait_for_ever"].content
    await check_interrupted(desk, session, events)
    told = {message.tool_call_id: message.text for message in desk.server.last_messages() if message.role == "tool"}
    assert "effects are unknown" in told[ends["wait_for_ever"].call_id]


async def test_cancel_while_a_tool_holds_a_thread(desk: Desk) -> None:
    started, release = threading.Event(), threading.Event()

    def hold_a_thread() -> str:
        """Hold a thread."""
        started.set()
        release.wait(30)
        return "late"

    desk.server.script(say("One moment.", call("hold_a_thread")))
    session = await desk.session()
    add_tools(session, hold_a_thread)
    turn = asyncio.create_task(take(session, ASKED))
    assert await asyncio.to_thread(started.wait, 10)
    session.cancel()
    try:
        async with asyncio.timeout(PROMPT):
            events = await turn
    finally:
        release.set()
    assert [event.outcome for event in of(events, ToolFinished)] == ["interrupted"]
    await check_interrupted(desk, session, events)


# Other waits


class StuckMemory(Memory):
    """A memory whose search never ends."""

    async def recall(self, text: str, **options: Any) -> list[Hit]:
        """Wait for ever."""
        await asyncio.Event().wait()
        return []


class BrokenMemory(Memory):
    """A memory whose search fails."""

    async def recall(self, text: str, **options: Any) -> list[Hit]:
        """Fail."""
        raise StoreError("The index is broken.")


async def test_cancel_during_recall(desk: Desk) -> None:
    runtime = await desk.runtime()
    runtime.memory = StuckMemory(runtime.store, settings=runtime.settings)
    session = await desk.session(runtime=runtime)
    events = await interrupt(session, ASKED, lambda event: isinstance(event, TurnStarted))
    assert desk.server.requests == []
    session._use_memory = False
    await check_interrupted(desk, session, events)


async def test_a_recall_that_never_ends_is_left_out_of_the_turn(desk: Desk) -> None:
    desk.server.script(say("Without memory."))
    runtime = await desk.runtime()
    runtime.memory = StuckMemory(runtime.store, settings=runtime.settings)
    events = await take(await desk.session(runtime=runtime), ASKED)
    assert [event.level for event in of(events, Notice)] == ["warning"]
    assert of(events, Recalled) == []
    assert end(events).output == "Without memory."


async def test_a_recall_that_fails_is_left_out_of_the_turn(desk: Desk) -> None:
    desk.server.script(say("Without memory."))
    runtime = await desk.runtime()
    runtime.memory = BrokenMemory(runtime.store, settings=runtime.settings)
    events = await take(await desk.session(runtime=runtime), ASKED)
    assert ["The index is broken." in event.text for event in of(events, Notice)] == [True]
    assert end(events).output == "Without memory."


async def test_cancel_while_waiting_to_try_again(desk: Desk) -> None:
    desk.server.script(fail("rate_limit", retry_after=60))
    session = await desk.session()
    events = await interrupt(session, ASKED, lambda event: isinstance(event, Retrying))
    assert of(events, Retrying)[0].seconds == 60
    await check_interrupted(desk, session, events)
    assert len(desk.server.requests) == 2


# Other ways to stop


async def test_cancel_from_another_thread(desk: Desk) -> None:
    desk.server.script(say("Never.", hold=0))
    session = await desk.session()
    turn = asyncio.create_task(take(session, ASKED))
    await desk.server.until_held()
    thread = threading.Thread(target=session.cancel)
    thread.start()
    async with asyncio.timeout(PROMPT):
        events = await turn
    thread.join()
    await check_interrupted(desk, session, events)


async def test_cancel_before_the_message_is_on_disk(desk: Desk) -> None:
    desk.server.script(default=say("Never.", hold=0))
    session = await desk.session()
    turn = asyncio.create_task(take(session, ASKED))
    while not session.running:
        await asyncio.sleep(0)
    session.cancel()
    async with asyncio.timeout(PROMPT):
        events = await turn
    assert desk.server.requests == []
    await check_interrupted(desk, session, events)


async def test_cancel_twice_and_cancel_when_idle(desk: Desk) -> None:
    desk.server.script(say(("Half ", "an answer."), hold=1))
    session = await desk.session()
    session.cancel()

    def twice(event: Event) -> bool:
        if isinstance(event, TextDelta):
            session.cancel()
        return isinstance(event, TextDelta)

    events = await interrupt(session, ASKED, twice)
    await check_interrupted(desk, session, events)
    session.cancel()
    await check_goes_on(desk, session)


@pytest.mark.parametrize("kind", ["turn_started", "text_delta", "tool_started", "tool_finished"])
async def test_closing_the_iterator_cancels_the_turn(desk: Desk, kind: str) -> None:
    desk.server.script(say("I write that down.", *TOOLS), say("Done, both.", hold=1))
    session = await desk.session()
    events: list[Event] = []
    async with asyncio.timeout(20), aclosing(session.send(ASKED)) as stream:
        async for event in stream:
            events.append(event)
            if event.type == kind:
                break
    assert not session.running
    (turn,) = await session.runtime.store.journal.turns(session.id)
    assert (turn.outcome, turn.error) == ("interrupted", "Interrupted.")
    texts = [content for role, content in await spoken(session) if role == "assistant"]
    assert "".join(texts).startswith(shown(events))
    await check_calls_closed(session)
    await check_goes_on(desk, session, has=ASKED)


async def test_cancelling_the_task_that_reads_cancels_the_turn(desk: Desk) -> None:
    desk.server.script(say(("Half ", "an answer."), hold=1))
    session = await desk.session()
    shown_to: asyncio.Queue[Event] = asyncio.Queue()
    task = asyncio.create_task(take(session, ASKED, shown_to.put_nowait))
    while not isinstance(await shown_to.get(), TextDelta):
        pass
    task.cancel()
    async with asyncio.timeout(PROMPT):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await spoken(session) == [("user", ASKED), ("assistant", "Half ")]
    assert [turn.outcome for turn in await session.runtime.store.journal.turns(session.id)] == ["interrupted"]
    await check_goes_on(desk, session, has="Half")


async def test_closing_the_session_ends_its_turn_first(desk: Desk) -> None:
    desk.server.script(say(("Half ", "an answer."), hold=1))
    session = await desk.session()
    turn = asyncio.create_task(take(session, ASKED))
    await desk.server.until_held()
    async with asyncio.timeout(PROMPT):
        await desk.close(session)
        events = await turn
    assert end(events).outcome == "interrupted"
    again = await desk.session(resume=session.id)
    assert again.notices == []
    assert (await spoken(again))[0] == ("user", ASKED)
    await check_goes_on(desk, again, has=ASKED)
