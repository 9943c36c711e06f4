"""Conversations with the offline model over the real record, as a newcomer has them."""

from __future__ import annotations

import pytest

from lra.session import Session
from tests.session.support import Desk, rows, shown, take


async def _said(session: Session, text: str) -> str:
    return shown(await take(session, text))


async def test_what_is_newer_takes_the_place_of_what_was_told(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for text in (
        "I'm 42 years old",
        "my boss is called Kari",
        "my phone number is 555 0101",
        "I'm 43 now",
        "actually my boss is called Nils now",
        "my phone number is not 555 0101 but 555 0202",
    ):
        await _said(session, text)
    assert await _said(session, "how old am I?") == 'You told me today: "I\'m 43"'
    assert await _said(session, "who is my boss") == 'You told me today: "My boss is called Nils"'
    assert await _said(session, "what is my phone number?") == 'You told me today: "My phone number is 555 0202"'
    await desk.close(session)
    later = await desk.session(model="offline")
    assert await _said(later, "how old am I?") == 'You told me today: "I\'m 43"'
    assert "555 0101" not in await _said(later, "what is my phone number?")


async def test_what_is_told_in_other_words_is_found(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for text in (
        "I speak Norwegian, English and a bit of Japanese (日本語)",
        "My favourite food is sushi",
        "I don't eat pork",
        "add a task: buy sushi",
        "cancel buy sushi",
    ):
        await _said(session, text)
    assert "I speak Norwegian" in await _said(session, "which languages do I speak?")
    assert await _said(session, "what do I like to eat?") == 'You told me today: "My favourite food is sushi"'
    assert await _said(session, "what did I say about sushi?") == 'You told me today: "My favourite food is sushi"'


async def test_asking_to_forget_does_not_bring_it_back(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "remember that the alarm code is 9931")
    await _said(session, "please forget the alarm code")
    memory = session.runtime.memory
    (record,) = await memory.find()
    await memory.forget(record.id)
    for question in ("what is the alarm code?", "what did I say about the alarm code?"):
        assert (await _said(session, question)).startswith("I found nothing in memory")
    await desk.close(session)
    later = await desk.session(model="offline")
    assert "forget" not in await _said(later, "what did we talk about last time?")
    assert (await _said(later, "what is the alarm code?")).startswith("I found nothing in memory")


async def test_the_last_conversation_does_not_fill_the_window(desk: Desk) -> None:
    first = await desk.session(model="offline")
    await _said(first, "tell me about roses " + "and more roses " * 2000)
    await desk.close(first)
    session = await desk.session(model="offline")
    for number in range(30):
        await _said(session, f"my dog number {number} is called Rex")
    assert "tell me about roses" in await _said(session, "what did we talk about last time?")
    results = [row for row in await rows(session) if row.role == "tool" and "tell me about roses" in row.content]
    assert len(results) == 1
    assert len(results[0].content) < 6_000


async def test_everything_that_was_kept_is_told_however_much_was_said(desk: Desk) -> None:
    session = await desk.session(model="offline")
    kept = ["My name is Priya", "I live in Leeds", "I work as a nurse", "My favourite colour is teal", "I like jazz"]
    for text in kept:
        await _said(session, text)
    for number in range(25):
        await _said(session, f"write number {number} of what I would like: my name, my work, where I live, I love it")
    told = await _said(session, "what do you know about me?")
    assert [text for text in kept if text not in told] == []
    assert "number 7" not in told


async def test_tasks_are_moved_on_by_their_name_alone(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "add a task: pay the rent on the 1st of December")
    assert await _said(session, "start pay the rent") == '"pay the rent on the 1st of December" is now in progress.'
    await _said(session, "done: pay the rent")
    assert await _said(session, "reopen pay the rent") == '"pay the rent on the 1st of December" is now pending.'
    assert "No task is called so" in await _said(session, "start Ollama")


async def test_what_is_only_in_a_task_is_found_there(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "remind me to pay the rent on the 1st of December")
    await _said(session, "remind me to water the plants tomorrow")
    told = await _said(session, "when is the rent due?")
    assert told.startswith(
        "In memory I found no answer to this, but in your tasks:\n- pay the rent on the 1st of December"
    )
    assert "water the plants tomorrow" in await _said(session, "what is due tomorrow?")
    assert (await _said(session, "when is the concert?")).startswith("I found nothing in memory")


async def test_sums_are_left_to_the_sandbox(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "My flight to Oslo is on 12 December at 7:40")
    for asked in ("what is 2+2?", "what is 12*12?"):
        assert (await _said(session, asked)).startswith("I do not calculate by myself")


async def test_a_long_conversation_is_not_said_to_be_seen_whole(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for number in range(45):
        await _said(session, f"my dog number {number} is called Rex")
        if number == 3:
            assert await _said(session, "what did I ask you first?") == (
                'Your first message here: "my dog number 0 is called Rex"'
            )
    for question in ("what did we talk about?", "what did we talk about today?", "what did we talk about so far?"):
        told = await _said(session, question)
        assert "(Earlier ones are left out.)" in told
        assert "earlier ones are left out" not in told
    assert (await _said(session, "what did I ask you first?")).startswith(
        "I see only the latest part of this conversation. The earliest message in it: "
    )


async def test_the_day_of_a_talk_may_be_any(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "My meeting with Sara is on Monday at 10")
    for asked in ("what did we talk about on Monday?", "what did we talk about 3 days ago?"):
        assert (await _said(session, asked)).startswith("I have no conversation on record from ")


async def test_what_is_not_kept_is_said_not_to_be(desk: Desk) -> None:
    session = await desk.session(model="offline")
    assert "I kept nothing of it" in await _said(session, "I have a meeting tomorrow")
    assert "I kept nothing of it" in await _said(session, "I want to learn chess")
    assert "/why" in await _said(session, "are you sure?")
    assert "/exit" in await _said(session, "exit")


@pytest.mark.parametrize(
    ("told", "denied", "asked"),
    [
        (
            "my daughter Sofie is allergic to nuts",
            "Sofie is not allergic to nuts any more",
            "is Sofie allergic to nuts?",
        ),
        ("my brother Tom works at Siemens", "Tom no longer works at Siemens", "where does Tom work?"),
        ("my son Per plays the violin", "Per does not play the violin any more", "what does Per play?"),
        # Neither is kept.
        ("my aunt grows roses", "my aunt no longer grows roses", "what does my aunt grow?"),
    ],
)
async def test_what_was_denied_since_is_no_answer(desk: Desk, told: str, denied: str, asked: str) -> None:
    session = await desk.session(model="offline")
    await _said(session, told)
    await _said(session, denied)
    answer = await _said(session, asked)
    assert answer.startswith("I found nothing in memory that answers this. What comes closest:")
    assert denied in answer
    assert told[3:] not in answer
