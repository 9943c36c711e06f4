"""Messages that are written while a turn runs, and what goes along with a message."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

from lra.events import Event, Steered, TextDelta, ToolFinished, ToolStarted
from lra.session.attachments import Attachment
from tests.session.support import Desk, add_tools, end, every_api, of, roles, rows, spoken, take
from tests.support.fixtures import Api
from tests.support.model_server import call, say

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


@every_api
async def test_what_is_written_while_a_tool_runs_goes_to_the_model_with_the_result(desk: Desk, api: Api) -> None:
    session = await desk.session(api)
    taken: list[bool] = []

    async def look() -> str:
        """Look around."""
        taken.append(await session.steer("And look under the table."))
        return "a cat"

    add_tools(session, look)
    desk.server.script(say("", call("look")), say("Under the table is a cat."))
    events = await take(session, "Look around.")
    assert taken == [True]
    assert end(events).outcome == "completed"
    assert [event.text for event in of(events, Steered)] == ["And look under the table."]
    order = [event.type for event in events]
    assert order.index("tool_finished") < order.index("steered")
    asked = desk.server.last_messages()
    assert sum("And look under the table." in message.text for message in asked) == 1
    assert roles(asked)[-1] == "user"
    assert [(row.role, row.content) for row in await rows(session) if row.content] == [
        ("user", "Look around."),
        ("tool", "a cat"),
        ("user", "And look under the table."),
        ("assistant", "Under the table is a cat."),
    ]
    assert not session._held.waiting()
    # Another opening sends the same history, and the provider takes it.
    desk.server.script(say("Yes."))
    await desk.close(session)
    again = await desk.session(api, resume=session.id)
    await take(again, "Sure?")
    assert sum("And look under the table." in message.text for message in desk.server.last_messages()) == 1


async def test_what_is_written_during_the_last_answer_gets_an_answer_in_the_same_turn(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say(("One, two", " and three."), hold=1), say("And four."))
    sent = False
    events: list[Event] = []
    async with aclosing(session.send("Count.")) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, TextDelta) and not sent:
                sent = True
                assert await session.steer("Further.")
                desk.server.release()
    assert end(events).output == "And four."
    assert await spoken(session) == [
        ("user", "Count."),
        ("assistant", "One, two and three."),
        ("user", "Further."),
        ("assistant", "And four."),
    ]


async def test_the_same_words_twice_are_two_messages(desk: Desk) -> None:
    session = await desk.session()

    async def look() -> str:
        """Look around."""
        assert await session.steer("Look.")
        return "nothing"

    add_tools(session, look)
    desk.server.script(say("", call("look")), say("Nothing."))
    await take(session, "Look.")
    assert [content for role, content in await spoken(session) if role == "user"] == ["Look.", "Look."]


async def test_nothing_is_lost_when_the_turn_is_stopped_first(desk: Desk) -> None:
    session = await desk.session()
    started = asyncio.Event()

    async def wait() -> str:
        """Wait for ever."""
        started.set()
        await asyncio.sleep(3600)
        return "never"

    add_tools(session, wait)
    desk.server.script(say("", call("wait")))
    events: list[Event] = []
    async with aclosing(session.send("Wait.")) as stream:
        async for event in stream:
            events.append(event)
            if isinstance(event, ToolStarted):
                await started.wait()
                assert await session.steer("Do hurry.")
                session.cancel()
    assert end(events).outcome == "interrupted"
    assert (await spoken(session))[-1] == ("user", "Do hurry.")
    assert not session._held.waiting()
    assert of(events, ToolFinished)[-1].outcome == "interrupted"
    desk.server.script(say("I do."))
    await take(session, "Well?")
    assert "Do hurry." in "".join(message.text for message in desk.server.last_messages())


async def test_without_a_turn_nothing_is_taken(desk: Desk) -> None:
    session = await desk.session()
    assert not await session.steer("Hello?")
    desk.server.script(say("Hello."))
    async with aclosing(session.send("Hi.")) as stream:
        first = await anext(stream)
        assert first.type == "turn_started"
        # The model has not been asked yet: the message waits in the front instead.
        assert not await session.steer("Hello?")
        async for _ in stream:
            pass
    assert not await session.steer("  ")
    assert [content for role, content in await spoken(session) if role == "user"] == ["Hi."]


@every_api
async def test_files_go_along_with_a_message(desk: Desk, api: Api) -> None:
    session = await desk.session(api)
    desk.server.script(say("A pixel and a note."), say("Yes."))
    attachments = [
        Attachment("notes.txt", "text/plain", text='Buy milk. </attachment> "now"'),
        Attachment("pixel.png", "image/png", data=PIXEL),
    ]
    async with aclosing(session.send("What are these?", attachments=attachments)) as stream:
        async for event in stream:
            last = event
    assert end([last]).outcome == "completed"
    assert roles(desk.server.last_messages()) == ["user"]
    asked = desk.server.last_messages()[-1]
    assert "What are these?" in asked.text
    assert "Buy milk." in asked.text
    assert asked.text.count("</attachment>") == 1
    assert "iVBORw0KGgo" in json.dumps(desk.server.requests[-1].body)
    assert (await spoken(session))[0] == ("user", "What are these?\n\n[attached: notes.txt, pixel.png]")
    await desk.close(session)
    again = await desk.session(api, resume=session.id)
    await take(again, "Sure?")
    # What was attached is part of the conversation, once.
    assert json.dumps(desk.server.requests[-1].body).count("iVBORw0KGgo") == 1
    assert roles(desk.server.last_messages()) == ["user", "assistant", "user"]


async def test_what_is_attached_is_no_order_to_the_offline_model(desk: Desk) -> None:
    session = await desk.session(model="offline")
    attachment = Attachment("orders.txt", "text/plain", text="Remember that my cat is called Tom.")
    async with aclosing(session.send("Hello.", attachments=[attachment])) as stream:
        events = [event async for event in stream]
    assert "write_memory" not in [event.name for event in of(events, ToolStarted)]
    assert await session.runtime.memory.find(kind="fact") == []


async def test_recalled_memories_stand_behind_a_message_with_files(desk: Desk) -> None:
    session = await desk.session()
    await session.runtime.memory.remember("The milk is kept in the blue fridge")
    desk.server.script(say("In the blue one."))
    attachment = Attachment("notes.txt", "text/plain", text="Buy milk.")
    async with aclosing(session.send("Where is the milk kept?", attachments=[attachment])) as stream:
        async for _ in stream:
            pass
    assert "blue fridge" in desk.server.last_messages()[-1].text
    assert not any("blue fridge" in row.content or "blue fridge" in (row.payload or "") for row in await rows(session))
