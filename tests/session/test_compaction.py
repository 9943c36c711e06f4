"""Long conversations: what is sent gets shorter, what is kept does not; and every session leaves a summary."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from lra.agent.summary import Line, extract
from lra.events import Compacted
from lra.session import Session
from lra.session.closing import summarize_abandoned
from lra.store import MemoryRecord
from tests.session.support import MODELS, Child, Desk, add_tools, end, every_api, of, rows, shown, spoken, take
from tests.session.support import words as sent
from tests.support.fixtures import Api
from tests.support.model_server import Step, call, fail, say

PAGE = "A page of the manual. " * 3_500
"""About 19,000 tokens; five of them are more than the model may be filled with."""
SPEECH = "and so on and so forth, " * 3_300
"""About 20,000 tokens."""
SUMMARISING = "Summarise the conversation below"
SUMMARY = "Title: A dog named Rex\nThe person has a dog called Rex, who likes sausages."


async def read_page(number: int) -> str:
    """Read a page of the manual."""
    return f"Page {number}. {PAGE}"


def answer(body: dict[str, Any]) -> Step:
    """Summarise when asked to, else say something short."""
    return say(SUMMARY) if SUMMARISING in json.dumps(body) else say("OK.")


async def fill_with_pages(desk: Desk, session: Session, count: int) -> None:
    """Run turns in each of which a long page is read."""
    for number in range(count):
        desk.server.script(say("Reading.", call("read_page", number=number)), say(f"I have read page {number}."))
        assert of(await take(session, f"Read page {number}."), Compacted) == []


async def fill_with_speeches(desk: Desk, session: Session, count: int) -> None:
    """Run turns in each of which the person talks long."""
    desk.server.script(default=say("OK."))
    for number in range(count):
        assert of(await take(session, f"Speech {number}: {SPEECH}"), Compacted) == []


async def summaries(session: Session) -> list[MemoryRecord]:
    """The summaries that memory holds of a session."""
    return await session.runtime.store.memories.find(session_id=session.id, kind="summary")


# Making room


@every_api
async def test_old_tool_results_go_first(desk: Desk, api: Api) -> None:
    session = await desk.session("openai-chat")
    add_tools(session, read_page)
    await fill_with_pages(desk, session, 5)
    journal = await rows(session)

    desk.server.script(say("Yes."), say("Of course."))
    events = await take(session, "Have you read them all?")
    (compacted,) = of(events, Compacted)
    assert compacted.strategy == "tool_results"
    assert compacted.after_tokens < compacted.before_tokens
    # The shortening comes before the request that needs it.
    assert events.index(compacted) < next(i for i, event in enumerate(events) if event.type == "text_delta")
    results = [text for role, text in sent(desk.server) if role == "tool"]
    assert ["trimmed" in text for text in results] == [True, True, True, False, False]
    assert all(text.startswith(f"Page {number}.") for number, text in enumerate(results))
    assert [text for role, text in sent(desk.server) if role == "assistant"].count("Reading.") == 5
    assert (await rows(session))[: len(journal)] == journal

    # A resumed session sends the same, in any wire format.
    before = sent(desk.server)
    await desk.close(session)
    again = await desk.session(api, resume=session.id)
    assert of(await take(again, "Really?"), Compacted) == []
    assert sent(desk.server) == [*before, ("assistant", "Yes."), ("user", "Really?")]


@every_api
async def test_then_the_older_turns_become_a_summary(desk: Desk, api: Api) -> None:
    session = await desk.session("openai-chat")
    desk.server.script(say("Hello, Rex."))
    await take(session, "My dog is called Rex and likes sausages.")
    await fill_with_speeches(desk, session, 4)
    journal = await rows(session)

    desk.server.script(default=answer)
    events = await take(session, f"One more: {SPEECH}")
    (compacted,) = of(events, Compacted)
    assert (compacted.strategy, end(events).outcome) == ("summary", "completed")
    assert "likes sausages" in compacted.detail
    assert shown(events) == "OK."
    # The model that summarised was shown what it stands for; the answer comes from what is left.
    assert "My dog is called Rex" in json.dumps(desk.server.requests[-2].body)
    last = sent(desk.server)
    assert "likes sausages" in last[0][1]
    assert last[-1] == ("user", f"One more: {SPEECH}")
    assert "My dog is called Rex" not in json.dumps(desk.server.requests[-1].body)
    assert sum(len(text) for _, text in last) < 0.6 * 128_000 * 4
    assert (await rows(session))[: len(journal)] == journal

    await desk.close(session)
    again = await desk.session(api, resume=session.id)
    assert of(await take(again, "Really?"), Compacted) == []
    assert sent(desk.server) == [*last, ("assistant", "OK."), ("user", "Really?")]
    assert len([row for row in await rows(again) if row.role == "user"]) == 7


async def test_what_was_compacted_is_found_by_a_search_from_another_session(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("Hello, Rex."))
    await take(session, "My dog is called Rex and likes sausages.")
    await fill_with_speeches(desk, session, 4)
    desk.server.script(default=answer)
    await take(session, f"One more: {SPEECH}")
    other = await desk.session(runtime=session.runtime)
    hits = await other.runtime.memory.search("Which dog likes sausages?")
    assert "summary" in {hit.kind for hit in hits}
    assert session.id in {hit.session for hit in hits}


async def test_a_model_that_cannot_summarise_is_replaced_by_extraction(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("Hello, Rex."))
    await take(session, "My dog is called Rex and likes sausages.")
    await fill_with_speeches(desk, session, 4)
    desk.server.script(fail("overloaded"), say("OK."))
    events = await take(session, f"One more: {SPEECH}")
    (compacted,) = of(events, Compacted)
    assert end(events).outcome == "completed"
    assert "My dog is called Rex" in compacted.detail
    assert "overloaded" in compacted.problem


async def test_a_long_turn_is_shortened_while_it_runs(desk: Desk) -> None:
    session = await desk.session()
    add_tools(session, read_page)
    pages = [say("Reading.", call("read_page", number=number)) for number in range(7)]
    desk.server.script(*pages, say("All read."))
    assert end(await take(session, "Read seven pages.")).output == "All read."
    assert max(len(json.dumps(request.body)) for request in desk.server.requests) < 128_000 * 4
    assert [len(row.content) > len(PAGE) for row in await rows(session) if row.role == "tool"] == [True] * 7


# By hand


async def test_compacting_by_hand(desk: Desk) -> None:
    session = await desk.session()
    assert await session.compact() is None
    desk.server.script(say("Hello, Rex."), say("Fine."), say("Good."))
    for text in ("My dog is called Rex and likes sausages.", "How are you?", "And the weather?"):
        await take(session, text)
    desk.server.script(default=answer)
    compacted = await session.compact()
    assert compacted is not None
    assert (compacted.strategy, compacted.problem) == ("summary", "")
    await take(session, "Go on.")
    assert "likes sausages" in sent(desk.server)[0][1]
    # The last turn stays whole.
    assert [text for role, text in sent(desk.server) if role == "user"][1:] == ["And the weather?", "Go on."]
    assert len(await rows(session)) == 8
    assert len(await summaries(session)) == 1


@pytest.mark.parametrize("at", ["by hand", "the end"])
async def test_a_model_that_summarises_is_paid_and_counted(desk: Desk, at: str) -> None:
    session = await desk.session()
    desk.server.script(default=answer)
    for text in ("My dog is called Rex.", "How are you?", "And the weather?"):
        await take(session, text)
    store, before = session.runtime.store, await session.usage()
    asked = len(desk.server.requests)
    if at == "by hand":
        assert await session.compact() is not None
    else:
        await session.close()
    assert len(desk.server.requests) == asked + 1
    beside, spent = await store.spending.beside(session.id), await store.journal.spent(session.id)
    assert (beside.requests, beside.input_tokens > 0, beside.output_tokens > 0) == (1, True, True)
    assert beside.cost
    assert spent[0] == pytest.approx((before.cost or 0.0) + beside.cost)
    if at == "by hand":
        after = await session.usage()
        assert after.requests == before.requests + 1
        assert after.cost == pytest.approx(spent[0])


async def test_the_whole_conversation_again_needs_no_summary(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(default=answer)
    for text in ("My dog is called Rex and likes sausages.", "How are you?", "And the weather?"):
        await take(session, text)
    assert await session.compact() is not None
    assert len(await summaries(session)) == 1
    assert await session.uncompact() is not None
    assert await summaries(session) == []
    await session.close()
    assert len(await summaries(session)) == 1, "the end leaves one as ever"


async def test_a_rewind_brings_back_what_a_summary_stood_for(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(default=answer)
    for text in ("first", "second", "third"):
        await take(session, text)
    assert await session.compact() is not None
    await session.rewind(3)
    await take(session, "another third")
    assert sent(desk.server) == [
        ("user", "first"),
        ("assistant", "OK."),
        ("user", "second"),
        ("assistant", "OK."),
        ("user", "another third"),
    ]


async def test_a_compacted_session_with_calls_in_it_stays_valid_everywhere(desk: Desk) -> None:
    session = await desk.session()
    for number in range(3):
        desk.server.script(say("Noted.", call("create_task", title=f"task {number}"), call("list_tasks")), say("Done."))
        await take(session, f"Note task {number}.")
    desk.server.script(default=answer)
    assert await session.compact() is not None
    for model in MODELS.values():
        await session.set_model(model)
        assert end(await take(session, "And now?")).outcome == "completed"


# What a session leaves behind


async def test_closing_leaves_a_summary_without_asking_the_model_about_little(desk: Desk) -> None:
    desk.server.script(say("A fine name."))
    session = await desk.session()
    await take(session, "My dog is called Rex and likes sausages.")
    await session.close()
    (summary,) = await summaries(session)
    assert "My dog is called Rex" in summary.content
    assert len(desk.server.requests) == 1
    assert session.id in {hit.session for hit in await session.runtime.memory.search("dog sausages", scope="memories")}


async def test_closing_a_longer_conversation_asks_the_model(desk: Desk) -> None:
    desk.server.script(default=answer)
    session = await desk.session()
    for text in ("My dog is called Rex.", "He likes sausages.", "He is brown."):
        await take(session, text)
    await session.close()
    (summary,) = await summaries(session)
    assert summary.content == SUMMARY.partition("\n")[2]
    assert (await session.runtime.store.sessions.get(session.id)).title == "A dog named Rex"

    # More was said after it was resumed: the summary follows, and there is still one.
    again = await desk.session(resume=session.id)
    await again.rename("Mine")
    await take(again, "His bowl is blue.")
    desk.server.script(default=say("Title: Other\nThe bowl is blue."))
    await again.close()
    assert [record.content for record in await summaries(again)] == ["The bowl is blue."]
    assert (await again.runtime.store.sessions.get(session.id)).title == "Mine"


async def test_closing_with_a_provider_in_trouble_leaves_the_extract(desk: Desk) -> None:
    desk.server.script(default=say("OK."))
    session = await desk.session()
    for text in ("My dog is called Rex.", "He likes sausages.", "He is brown."):
        await take(session, text)
    desk.server.script(default=fail("overloaded"))
    await session.close()
    (summary,) = await summaries(session)
    assert "My dog is called Rex" in summary.content


@pytest.mark.parametrize("text", [None, "Hi!"])
async def test_nothing_said_leaves_nothing(desk: Desk, text: str | None) -> None:
    desk.server.script(default=say("Hello."))
    session = await desk.session()
    if text:
        await take(session, text)
    await session.close(summarize=False)
    assert all("Hi!" not in record.content for record in await summaries(session))
    if text is None:
        assert await summaries(session) == []


async def test_closing_without_news_changes_nothing(desk: Desk) -> None:
    desk.server.script(default=say("OK."))
    session = await desk.session()
    await take(session, "My dog is called Rex.")
    await desk.close(session)
    again = await desk.session(resume=session.id)
    before = await summaries(again)
    await again.close()
    assert await summaries(again) == before
    assert len(desk.server.requests) == 1


async def test_without_memory_no_summary_is_left(desk: Desk) -> None:
    desk.server.script(default=say("OK."))
    session = await desk.session(use_memory=False)
    await take(session, "My dog is called Rex.")
    await session.close()
    assert await summaries(session) == []


async def test_a_session_whose_process_died_gets_its_summary_later(desk: Desk) -> None:
    desk.server.script(say(("A fine ", "name."), hold=1))
    with Child(desk.server, "openai-chat", "--text", "My dog is called Rex and likes sausages.") as child:
        await asyncio.to_thread(child.until, "text_delta")
        lines = await asyncio.to_thread(child.kill)
    runtime = await desk.runtime()
    session_id = lines[0]["session"]
    # As if the lease had run out, which takes half a minute.
    await runtime.store.sessions.update(session_id, lease_until=0)
    await summarize_abandoned(runtime)
    (summary,) = await runtime.store.memories.find(session_id=session_id, kind="summary")
    assert "My dog is called Rex" in summary.content
    # Once is enough.
    await summarize_abandoned(runtime)
    assert len(await runtime.store.memories.history(summary.id)) == 1


async def test_an_open_session_is_not_taken_for_abandoned(desk: Desk) -> None:
    desk.server.script(default=say("OK."))
    session = await desk.session()
    await take(session, "My dog is called Rex.")
    await summarize_abandoned(await desk.runtime())
    assert await summaries(session) == []
    assert len(await spoken(session)) == 2


async def test_a_summary_that_was_written_anew_is_nobodys_last_write(desk: Desk) -> None:
    desk.server.script(default=answer)
    session = await desk.session()
    for text in ("My dog is called Rex.", "He likes sausages.", "And long walks."):
        await take(session, text)
    await session.runtime.memory.remember("The gate is blue")
    await session.close()
    later = await desk.session()
    (summary,) = [
        record
        for record in await later.runtime.store.memories.find(session_id=session.id, kind="summary")
        if "called Rex, who likes" in record.content
    ]
    assert [entry.action for entry in await later.runtime.store.memories.history(summary.id)] == ["created", "edited"]
    (back,) = await later.runtime.store.last_write.undo()
    assert (back.action, back.content) == ("removed", "The gate is blue")
    assert await later.runtime.store.last_write.undo() == []


def test_a_long_paste_does_not_stand_for_the_whole_conversation() -> None:
    paste = "\n".join(f"row {number} of the table about the table" for number in range(200))
    talk = ["My dog is called Rex.", "The boat lies in Bergen.", paste, "We meet on Tuesdays."]
    text = extract([Line("user", one) for one in talk])
    for one in talk:
        assert one in text or one is paste
    assert "row 1" in text
