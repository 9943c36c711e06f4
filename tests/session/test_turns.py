"""A turn from the person's message to the closed record, and the conversations made of turns."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from lra.errors import NotFoundError, UsageError
from lra.events import MemoryWritten, Notice, Recalled, TaskChanged, TextDelta, ToolFinished, ToolStarted, TurnStarted
from lra.session import Session, SessionBusyError
from tests.session.support import Child, Desk, check_calls_closed, end, every_api, of, roles, rows, shown, spoken, take
from tests.session.support import words as sent
from tests.support.fixtures import Api
from tests.support.model_server import ToolCall, Usage, call, say

ASKED = "My dog is called Rex. Remind me to feed it."
WORKING = say(
    "I write that down.",
    call("write_memory", content="The dog is called Rex", key="user.dog"),
    call("create_task", title="Feed the dog"),
    usage=Usage(1000, 50),
)


# One turn


@every_api
async def test_a_turn_with_two_tools_is_streamed_and_recorded(desk: Desk, api: Api) -> None:
    desk.server.script(WORKING, say("Done, both.", usage=Usage(2000, 10)))
    session = await desk.session(api)
    events = await take(session, ASKED)

    started = of(events, TurnStarted)[0]
    assert (started.text, events[1].type) == (ASKED, "recalled")
    assert shown(events) == "I write that down.Done, both."
    assert len(of(events, TextDelta)) > 2
    calls = {event.call_id: event.name for event in of(events, ToolStarted)}
    assert sorted(calls.values()) == ["create_task", "write_memory"]
    assert {event.call_id: event.name for event in of(events, ToolFinished)} == calls
    assert {event.outcome for event in of(events, ToolFinished)} == {"success"}
    # Text before its tools, a tool's effects before its end, and the last answer after both.
    order = [event.type for event in events]
    assert order.index("text_delta") < order.index("tool_started") < order.index("memory_written")
    assert max(i for i, kind in enumerate(order) if kind == "tool_finished") < order.index("text_delta", 6)
    assert [event.action for event in of(events, MemoryWritten)] == ["created"]
    assert [event.title for event in of(events, TaskChanged)] == ["Feed the dog"]

    finished = end(events)
    assert (finished.output, finished.outcome, finished.error, finished.exit_code) == (
        "Done, both.",
        "completed",
        None,
        0,
    )
    usage = finished.usage
    assert (usage.requests, usage.tool_calls, usage.input_tokens, usage.output_tokens) == (2, 2, 3000, 60)
    assert finished.cost is not None
    assert finished.cost > 0
    assert finished.remembered == [of(events, MemoryWritten)[0].id]

    journal = await rows(session)
    assert [(row.role, row.content) for row in journal if row.role != "tool"] == [
        ("user", ASKED),
        ("assistant", "I write that down."),
        ("assistant", "Done, both."),
    ]
    assert {(row.tool_call_id, row.tool_name, row.outcome) for row in journal if row.role == "tool"} == {
        (call_id, name, "success") for call_id, name in calls.items()
    }
    await check_calls_closed(session)
    assert len({row.turn_id for row in journal}) == 1
    assert desk.server.steps_left == 0


@every_api
async def test_the_second_turn_sends_all_of_the_first(desk: Desk, api: Api) -> None:
    desk.server.script(WORKING, say("Done."), say("It is Rex."))
    session = await desk.session(api)
    await take(session, ASKED)
    await take(session, "What is it called?")

    assert roles(desk.server.last_messages()) == ["user", "assistant", "tool", "tool", "assistant", "user"]
    words = sent(desk.server)
    assert words[0] == ("user", ASKED)
    assert words[-2:] == [("assistant", "Done."), ("user", "What is it called?")]
    usage = await session.usage()
    assert (usage.turns, usage.requests) == (2, 3)
    assert usage.context_tokens > 0


async def test_the_turn_record_holds_what_the_last_event_says(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done.", usage=Usage(500, 5, cached_tokens=400)))
    session = await desk.session()
    finished = end(await take(session, ASKED))
    (turn,) = await session.runtime.store.journal.turns(session.id)

    assert (turn.number, turn.outcome, turn.error) == (1, "completed", None)
    for name in finished.usage.__dataclass_fields__:
        assert getattr(turn, name) == getattr(finished.usage, name)
    assert turn.cache_read_tokens == 400
    assert turn.cost == finished.cost
    assert turn.remembered == finished.remembered
    assert turn.ended_at is not None
    assert turn.ended_at >= turn.started_at


async def test_events_are_json_lines(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done."))
    for event in await take(await desk.session(), ASKED):
        assert "\n" not in event.to_json()
        parsed = json.loads(event.to_json())
        assert parsed["type"] == event.type
        assert parsed["seq"] == event.seq


async def test_a_tool_that_fails_is_told_to_the_model_and_the_turn_goes_on(desk: Desk) -> None:
    desk.server.script(
        say("Let me try.", call("update_task_status", task_id="nothing", status="done"), call("no_such_tool")),
        say("That task does not exist."),
    )
    session = await desk.session()
    events = await take(session, "Close the task.")

    outcomes = {event.name: event.outcome for event in of(events, ToolFinished)}
    assert outcomes == {"update_task_status": "failed", "no_such_tool": "retried"}
    assert end(events).outcome == "completed"
    told = [message.text for message in desk.server.last_messages() if message.role == "tool"]
    assert any("There is no task" in text for text in told)
    await check_calls_closed(session)
    # And what was recorded is a history that can be sent again.
    desk.server.script(say("Yes."))
    assert end(await take(session, "Really?")).outcome == "completed"


async def test_arguments_that_are_not_json_are_asked_for_again(desk: Desk) -> None:
    desk.server.script(
        say("", ToolCall("create_task", '{"title": ')), say("", call("create_task", title="x")), say("OK")
    )
    session = await desk.session()
    assert end(await take(session, "Note x.")).output == "OK"
    assert [task.title for task in await session.runtime.store.tasks.find()] == ["x"]
    desk.server.script(say("Yes."))
    assert end(await take(session, "Is it noted?")).outcome == "completed"


async def test_thinking_is_shown_and_kept_apart_from_the_answer(desk: Desk) -> None:
    desk.server.script(say("Four.", thinking="Two and two."), say("Still four."))
    session = await desk.session("anthropic")
    events = await take(session, "2+2?")
    assert "".join(event.text for event in events if event.type == "thinking_delta") == "Two and two."  # type: ignore[attr-defined]
    assert end(events).output == "Four."
    assert await spoken(session) == [("user", "2+2?"), ("assistant", "Four.")]
    # The provider wants its own thought back as it was, and checks its seal.
    await take(session, "Sure?")


# What may be sent


async def test_an_empty_message_is_refused_and_leaves_nothing(desk: Desk) -> None:
    session = await desk.session()
    for text in ("", "  \n\t "):
        with pytest.raises(UsageError):
            await take(session, text)
    assert await rows(session) == []
    assert desk.server.requests == []


async def test_one_turn_at_a_time(desk: Desk) -> None:
    desk.server.script(say("First answer.", hold=1), say("Second."))
    session = await desk.session()
    first = asyncio.create_task(take(session, "one"))
    await desk.server.until_held()
    assert session.running
    with pytest.raises(UsageError):
        await take(session, "two")
    with pytest.raises(UsageError):
        await session.rewind(1)
    desk.server.release()
    assert end(await first).output == "First answer."
    assert end(await take(session, "two")).output == "Second."
    assert [content for _, content in await spoken(session)] == ["one", "First answer.", "two", "Second."]


async def test_of_two_messages_sent_at_once_one_is_refused(desk: Desk) -> None:
    desk.server.script(say("Answer."))
    session = await desk.session()
    results = await asyncio.gather(take(session, "one"), take(session, "two"), return_exceptions=True)
    assert [type(result) for result in results] == [list, UsageError]
    assert await spoken(session) == [("user", "one"), ("assistant", "Answer.")]


# Titles


async def test_the_first_message_names_the_session_and_the_person_may_rename_it(desk: Desk) -> None:
    desk.server.script(default=say("OK."))
    session = await desk.session()
    assert session.title == ""
    await take(session, "Plan the trip to Porto. We leave on Friday.")
    assert session.title == "Plan the trip to Porto"
    await session.rename("Porto")
    await take(session, "Something else entirely")
    assert session.title == "Porto"
    assert (await session.runtime.store.sessions.get(session.id)).title == "Porto"


# Memory


@every_api
async def test_what_one_session_wrote_another_recalls_without_journalling_it(desk: Desk, api: Api) -> None:
    desk.server.script(WORKING, say("Done."))
    first = await desk.session(api)
    await take(first, ASKED)
    await desk.close(first)

    desk.server.script(say("Rex."), say("You are welcome."))
    second = await desk.session(api)
    events = await take(second, "What is my dog called?")
    recalled = of(events, Recalled)[0].memories
    assert "The dog is called Rex" in [memory.content for memory in recalled]
    assert end(events).recalled == [memory.id for memory in recalled]
    assert all(memory.score > 0 and memory.signals for memory in recalled)
    asked = next(text for role, text in sent(desk.server) if role == "user")
    assert asked.startswith("What is my dog called?")
    assert "The dog is called Rex" in asked

    assert await spoken(second) == [("user", "What is my dog called?"), ("assistant", "Rex.")]
    for row in await rows(second):
        assert "The dog is called Rex" not in (row.payload or "")
    # The next request carries the words as typed, so the provider's cache of the prompt stays good.
    await take(second, "Thanks!")
    assert sent(desk.server)[0] == ("user", "What is my dog called?")


async def test_a_session_without_memory_neither_recalls_nor_offers_its_tools(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done."))
    first = await desk.session()
    await take(first, ASKED)
    await desk.close(first)
    desk.server.script(say("I do not know."))
    second = await desk.session(use_memory=False)
    events = await take(second, "What is my dog called?")
    assert of(events, Recalled) == []
    assert "Rex" not in json.dumps(desk.server.requests[-1].body)
    assert "write_memory" not in desk.server.requests[-1].tools
    assert {tool.name for tool in second.tools()} == set(desk.server.requests[-1].tools)


async def test_recalled_words_reach_the_first_and_every_later_request_of_the_turn(desk: Desk) -> None:
    session = await desk.session()
    await session.runtime.memory.remember("The cat is called Mimi")
    desk.server.script(say("", call("list_tasks")), say("Mimi."))
    await take(session, "What is the cat called?")
    for request in desk.server.requests:
        user = [message.text for message in request.messages if message.role == "user"]
        assert len(user) == 1
        assert "The cat is called Mimi" in user[0]


# Resuming


async def test_resume_by_prefix_continues_with_the_whole_history(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done."))
    first = await desk.session()
    await take(first, ASKED)
    await desk.close(first)

    desk.server.script(say("Rex."))
    again = await desk.session(resume=first.id[:6])
    assert (again.id, again.title) == (first.id, first.title)
    await take(again, "Its name?")
    assert roles(desk.server.last_messages()) == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert [turn.number for turn in await again.runtime.store.journal.turns(again.id)] == [1, 2]


async def test_resuming_what_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(NotFoundError):
        await desk.session(resume="zzzz")


async def test_a_session_can_go_on_with_another_provider(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done."), say("It is Rex."), say("Rex."))
    session = await desk.session("openai")
    await take(session, ASKED)
    for model in ("anthropic:claude-sonnet-5-5", "openai-chat:gpt-4o-mini"):
        await session.set_model(model)
        assert end(await take(session, "Its name?")).outcome == "completed"
    assert [request.path.rpartition("/")[2] for request in desk.server.requests] == [
        "responses",
        "responses",
        "messages",
        "completions",
    ]


async def test_continue_takes_the_latest_of_this_folder_else_the_latest(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here, there, nowhere = (tmp_path_factory.mktemp(name) for name in ("here", "there", "nowhere"))
    desk.server.script(default=say("OK."))
    ids = {}
    for folder in (here, there):
        session = await desk.session(runtime=await desk.runtime(folder))
        await take(session, f"in {folder.name}")
        ids[folder] = session.id
        await desk.close(session)
    # Opened but never used: nothing to continue.
    await desk.close(await desk.session(runtime=await desk.runtime(here)))

    for folder, expected in ((here, here), (there, there), (nowhere, there)):
        session = await desk.session(runtime=await desk.runtime(folder), continue_latest=True)
        assert session.id == ids[expected]
        assert any(session.id in notice for notice in session.notices)
        await desk.close(session)


async def test_continue_without_anything_earlier_starts_anew_and_says_so(desk: Desk) -> None:
    session = await desk.session(continue_latest=True)
    assert any("no earlier session" in notice for notice in session.notices)
    assert await rows(session) == []


# Forking and rewinding


async def test_a_fork_starts_with_the_same_words_and_leaves_the_original_alone(desk: Desk) -> None:
    desk.server.script(WORKING, say("Done."), say("Two."), say("Forked."), say("Original."))
    session = await desk.session()
    await take(session, ASKED)
    await take(session, "second")
    before = await spoken(session)

    fork = await session.fork()
    assert fork.id != session.id
    assert await spoken(fork) == before
    await take(fork, "only in the fork")
    assert roles(desk.server.last_messages()) == [
        *("user", "assistant", "tool", "tool", "assistant"),
        *("user", "assistant", "user"),
    ]
    assert await spoken(session) == before
    await take(session, "only in the original")
    assert "only in the fork" not in json.dumps(desk.server.requests[-1].body)
    await fork.close(summarize=False)

    early = await session.fork(until=1)
    assert (await spoken(early))[-1] == ("assistant", "Done.")
    await early.close(summarize=False)


async def test_open_with_fork_copies_a_session_that_is_open_elsewhere(desk: Desk) -> None:
    desk.server.script(say("One."), say("Copy."))
    session = await desk.session()
    await take(session, "first")
    fork = await desk.session(resume=session.id, fork=True)
    assert await spoken(fork) == await spoken(session)
    await take(fork, "more")
    assert len(await rows(session)) == 2


async def test_rewind_undoes_turns_for_the_model_and_keeps_them_in_the_record(desk: Desk) -> None:
    desk.server.script(say("One."), say("Two."), say("Three."), say("Two again."))
    session = await desk.session()
    for text in ("first", "second", "third"):
        await take(session, text)
    undone = await session.rewind(2)
    assert [turn.number for turn in undone.turns] == [2, 3]
    await take(session, "another second")
    assert sent(desk.server) == [("user", "first"), ("assistant", "One."), ("user", "another second")]
    assert [turn.number for turn in await session.runtime.store.journal.turns(session.id)] == [1, 2]
    with pytest.raises(UsageError):
        await session.rewind(5)
    with pytest.raises(UsageError):
        await session.rewind(0)
    query = "SELECT content FROM journal WHERE hidden = 1 ORDER BY seq"
    hidden = await session.runtime.store.database.rows(query)
    assert [row[0] for row in hidden] == ["second", "Two.", "third", "Three."]


# One writer


async def test_a_second_runtime_is_told_who_has_the_session(desk: Desk) -> None:
    desk.server.script(say("One."), say("Two."))
    session = await desk.session()
    await take(session, "first")
    with pytest.raises(SessionBusyError) as caught:
        await desk.session(resume=session.id)
    assert caught.value.exit_code == 75
    reader = await desk.session(resume=session.id, read_only=True)
    assert await spoken(reader) == await spoken(session)
    with pytest.raises(UsageError):
        await take(reader, "may I?")
    # A reader that closes takes nothing from the writer.
    await desk.close(reader)
    with pytest.raises(SessionBusyError):
        await desk.session(resume=session.id)
    await desk.close(session)
    again = await desk.session(resume=session.id)
    await take(again, "second")


async def test_the_lease_holds_between_processes_and_falls_with_its_holder(desk: Desk) -> None:
    desk.server.script(say("One."), say("Two."))
    with Child(desk.server, "openai-chat", "--text", "from the child", "--wait") as child:
        await asyncio.to_thread(child.until, "turn_finished")
        session_id = child.lines[0]["session"]
        with pytest.raises(SessionBusyError) as caught:
            await desk.session(resume=session_id)
        assert caught.value.lease.pid == child.process.pid
        assert str(child.process.pid) in str(caught.value)

        await asyncio.to_thread(child.kill)
        session = await desk.session(resume=session_id)
        assert await spoken(session) == [("user", "from the child"), ("assistant", "One.")]
        assert end(await take(session, "from here")).outcome == "completed"


async def test_a_process_is_refused_a_session_that_is_open_here(desk: Desk) -> None:
    desk.server.script(say("One."))
    session = await desk.session()
    await take(session, "first")
    with Child(desk.server, "openai-chat", "--resume", session.id, "--text", "me too") as child:
        lines = await asyncio.to_thread(child.rest)
    assert [line["type"] for line in lines] == ["error"]
    assert lines[0]["name"] == "SessionBusyError"
    assert await spoken(session) == [("user", "first"), ("assistant", "One.")]


async def test_a_closed_session_takes_nothing_more_and_may_be_closed_again(desk: Desk) -> None:
    desk.server.script(say("One."))
    session = await desk.session()
    await take(session, "first")
    await session.close(summarize=False)
    with pytest.raises(UsageError, match="closed"):
        await take(session, "second")
    again = await desk.session(resume=session.id)
    # Whoever has it now keeps it.
    await session.close()
    with pytest.raises(SessionBusyError):
        await desk.session(resume=session.id)
    assert await spoken(again) == [("user", "first"), ("assistant", "One.")]


async def test_a_session_that_was_refused_is_not_left_half_open(desk: Desk) -> None:
    session = await desk.session()
    with suppress(SessionBusyError):
        await Session.open(await desk.runtime(), resume=session.id, model="openai-chat:gpt-4o-mini")
    desk.server.script(say("One."))
    await take(session, "first")
    await desk.close(session)
    await desk.session(resume=session.id)


async def test_a_lease_that_was_lost_is_noticed(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("One."))
    await take(session, "first")
    # As after a night asleep: the lease ran out, and another process took the session.
    store = session.runtime.store
    await store.sessions.update(session.id, lease_owner="another", lease_host="elsewhere", lease_until=2**60)
    session._tenancy.renewed -= 3600
    with pytest.raises(SessionBusyError):
        await take(session, "second")
    assert [row.content for row in await store.journal.rows(session.id)] == ["first", "One."]


@every_api
async def test_an_answer_that_was_cut_is_said_to_be(desk: Desk, api: Api) -> None:
    desk.server.script(say("The first half of", finish="length"), say("the whole of it."))
    session = await desk.session()
    events = await take(session, "Tell me all of it.")
    assert end(events).outcome == "completed"
    assert [notice.text for notice in of(events, Notice)] == [
        "The answer was cut at the model's output limit: ask it to go on."
    ]
    # It stands behind all that came of the answer.
    assert [event.type for event in events][-2:] == ["notice", "turn_finished"]
    assert of(await take(session, "Go on."), Notice) == []


async def test_looking_at_the_context_beside_a_turn_that_begins_doubles_nothing(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(default=say("An answer."))
    for number in range(6):
        events = await take(session, f"Message {number}.")
        # As a front does that shows how full the context is, while the next message begins.
        await asyncio.gather(*(session.context_report() for _ in range(3)))
        assert end(events).outcome == "completed"
        said = [text for role, text in sent(desk.server) if role in {"user", "assistant"}]
        assert said == [text for at in range(number) for text in (f"Message {at}.", "An answer.")] + [
            f"Message {number}."
        ]
