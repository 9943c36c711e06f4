"""What the offline model says of memory: secrets stay where they were typed, and only what is stored is called so."""

from __future__ import annotations

import asyncio

import pytest

from lra.events import MemoryWritten, Notice, Recalled
from lra.session import Session
from tests.session.support import Desk, of, shown, take, words
from tests.support.model_server import say

PASSWORD = "hunter22"
CARD = "4111 1111 1111 1111"


async def _said(session: Session, text: str) -> str:
    return shown(await take(session, text))


async def _taken_back(session: Session, text: str) -> None:
    """Say something, and take back what was remembered of it, as the key does."""
    for event in of(await take(session, text), MemoryWritten):
        await session.runtime.store.undoing.memory(event.id, event.turn_id)


@pytest.mark.parametrize(
    ("told", "secret", "asked"),
    [
        (f"my password is {PASSWORD}", PASSWORD, "what is my password?"),
        (f"the password of my laptop is {PASSWORD}", PASSWORD, "what is the password of my laptop?"),
        (f"my credit card number is {CARD}", "4111", "what is my credit card number?"),
        ("my pin is 9931", "9931", "what is my pin?"),
        ("my password is swordfish", "swordfish", "what is my password?"),
    ],
)
async def test_a_refused_secret_is_not_told_back(desk: Desk, told: str, secret: str, asked: str) -> None:
    session = await desk.session(model="offline")
    refused = await _said(session, told)
    assert "I did not store it" in refused
    assert "/undo" in refused
    assert "/forget" in refused
    for question in (asked, "what do you know about me?", "what did we talk about?"):
        assert secret not in await _said(session, question)
    assert secret not in session.title
    assert secret in await session.export("md")
    await session.close()

    later = await desk.session(model="offline")
    events = await take(later, asked)
    assert secret not in shown(events)
    assert not [each for event in of(events, Recalled) for each in event.memories if secret in each.content]
    for question in ("what do you know about me?", "what did we talk about last time?", "what are my secrets?"):
        assert secret not in await _said(later, question)


async def test_no_model_is_sent_a_secret_of_another_conversation(desk: Desk) -> None:
    first = await desk.session(model="offline")
    await _said(first, f"the password of my laptop is {PASSWORD}")
    await first.close()
    session = await desk.session()
    desk.server.script(say("I do not know it."))
    await take(session, "what is the password of my laptop?")
    sent = " ".join(text for _, text in words(desk.server))
    assert "the password of my laptop is [secret]" in sent
    assert PASSWORD not in sent


async def test_what_was_taken_back_is_never_called_stored(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for text in ("My name is Jonas", "My wife is called Anna", "I have two kids, Mia and Leo"):
        await _said(session, text)
    await _taken_back(session, "The wifi code is 8842-XK")
    await _taken_back(session, "My boss is called Petra and my cat is called Minka")

    async def check(session: Session) -> None:
        told = await _said(session, "what do you know about me?")
        stored, _, rest = told.partition("You also said, in conversations:")
        for kept in ("My name is Jonas", "My wife is called Anna", "two kids, Mia and Leo"):
            assert kept in stored
            assert kept not in rest
        for gone in ("8842-XK", "Petra"):
            assert gone not in stored
        assert (await _said(session, "what is the wifi code?")).startswith("In a conversation today: ")

    await check(session)
    await session.close()
    await check(await desk.session(model="offline"))


async def test_what_is_only_said_is_told_apart_from_memories(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "My sister Ida likes climbing")
    await _taken_back(session, "My brother Ole likes climbing")
    told = await _said(session, "who likes climbing?")
    assert told.startswith('You told me today: "My sister Ida likes climbing"')
    assert "Also in memory" not in told
    assert 'Also said in conversations:\n- "My brother Ole likes climbing" (today)' in told


async def test_only_what_was_asked_for_has_changed(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "My name is Jonas and I live in Basel")
    await _said(session, "no, I live in Bern now")
    await session.close()
    later = await desk.session(model="offline")
    assert await _said(later, "what is my name?") == 'You told me today: "My name is Jonas"'
    assert await _said(later, "where do I live?") == 'You told me today: "I live in Bern"'
    # Without the memory, the sentence still tells the name, and no more than that.
    for record in await later.runtime.memory.find():
        if record.content == "My name is Jonas":
            await later.runtime.store.undoing.memory(record.id, record.turn_id or 0)
    again = await desk.session(model="offline")
    assert await _said(again, "what is my name?") == 'In a conversation today: "My name is Jonas"'


async def test_a_name_is_found_among_many_that_are_called_something(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "My name is Jonas and I live in Basel")
    await _said(session, "no, I live in Bern now")
    await session.close()
    later = await desk.session(model="offline")
    animals = ("dog", "cat", "horse", "parrot", "hamster", "goat", "donkey", "rabbit", "snake", "fish", "duck", "cow")
    for number, animal in enumerate(animals * 2):
        await _said(later, f"My {animal} number {number} is called the name that we call Rex {number}")
    assert await _said(later, "what is my name?") == 'You told me today: "My name is Jonas"'


async def test_of_a_correction_in_two_halves_the_new_one_answers(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "I work as a nurse at the cantonal hospital")
    events = await take(session, "I don't work as a nurse any more, I am a teacher now")
    assert [(event.action, event.content) for event in of(events, MemoryWritten)] == [("superseded", "I am a teacher")]
    assert await _said(session, "what is my job?") == 'You told me today: "I am a teacher"'
    assert "nurse" not in await _said(session, "what do you know about me?")


async def test_what_is_over_takes_the_place_of_what_was(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "I work as a nurse at the cantonal hospital")
    events = await take(session, "I no longer work as a nurse")
    assert [event.action for event in of(events, MemoryWritten)] == ["superseded"]
    assert (await _said(session, "what is my job?")).startswith("I found nothing in memory that answers this.")


@pytest.mark.parametrize(
    ("told", "denied", "asked"),
    [
        ("I'm allergic to peanuts", "I'm not allergic to peanuts", "what am I allergic to?"),
        ("I have two kids, Mia and Leo", "I don't have kids", "do I have kids?"),
    ],
)
async def test_a_denial_is_kept_and_said_to_contradict(desk: Desk, told: str, denied: str, asked: str) -> None:
    session = await desk.session(model="offline")
    await _said(session, told)
    events = await take(session, denied)
    assert [event.content for event in of(events, MemoryWritten)] == [denied]
    (notice,) = of(events, Notice)
    assert f"“{denied}”" in notice.text
    assert f"contradicts “{told}”" in notice.text
    assert await _said(session, asked) == f'You told me today: "{denied}"'
    listed = await _said(session, "what do you know about me?")
    assert f'- "{denied}" (today)\n' in listed
    assert f'- "{told}" (today, you said otherwise since)\n' in listed


async def test_another_number_contradicts(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for one, other in (("I have 2 cats", "I have 3 cats"), ("my cat is 3 years old", "my cat is 4 years old")):
        await _said(session, one)
        (notice,) = of(await take(session, other), Notice)
        assert "contradicts" in notice.text


async def test_how_it_was_before_is_not_answered_with_how_it_is(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "my wife is called Anna")
    assert await _said(session, "what was my wife called before?") == (
        'I know only what holds now. You told me today: "My wife is called Anna"'
    )
    await _said(session, "actually my wife is called Anne")
    assert await _said(session, "what was my wife called before?") == (
        'You once told me today, and it has changed since: "my wife is called Anna"'
    )
    assert await _said(session, "what is my wife called?") == 'You told me today: "My wife is called Anne"'


async def test_who_lives_with_me_outlasts_a_move(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "I live in Bern with my wife Anna and our two kids")
    await _said(session, "I live in Basel now")
    assert (await _said(session, "where do I live?")).startswith('You told me today: "I live in Basel"')
    assert 'You told me today: "I live in Bern with my wife Anna and our two kids"' in (
        await _said(session, "who do I live with?")
    )


async def test_a_name_in_other_words_is_found(desk: Desk) -> None:
    session = await desk.session(model="offline")
    await _said(session, "I'm Jonas")
    await _said(session, "I'm not Jonas, I'm Johannes")
    assert (await _said(session, "what is my name?")).startswith('You told me today: "I\'m Johannes"')


async def test_what_stands_for_earlier_messages_is_nothing_that_was_said(desk: Desk) -> None:
    session = await desk.session(model="offline")
    for number in range(12):
        await _said(session, f"my dog number {number} is called Rex {number}")
    assert await session.compact() is not None
    told = await _said(session, "what did we talk about so far?")
    assert "shortened" not in told
    assert "(Earlier ones are left out.)" in told
    assert (await _said(session, "what did I ask you first?")).startswith("I see only the latest part of this")


async def test_what_goes_with_a_new_value_is_told(desk: Desk) -> None:
    session = await desk.session(model="offline")
    (first,) = of(await take(session, "call me Jo"), MemoryWritten)
    (second,) = of(await take(session, "my name is Max"), MemoryWritten)
    assert (first.replaced, second.replaced) == ([], [first.content])


async def test_what_another_process_forgets_is_not_sent_again(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(default=say("Fine."))
    await take(session, "The wombat is called Zebulon.")
    await take(session, "Hello.")
    other = await desk.runtime()
    written = await other.memory.remember("The wombat is called Zebulon")
    await other.memory.forget(written.record.id)
    before = len(desk.server.requests)
    await take(session, "And what does it eat?")
    assert await session.compact() is not None
    asked = desk.server.requests[before:]
    assert len(asked) == 2
    assert not [request for request in asked if "Zebulon" in str(request.body)]


async def test_text_is_read_anew_as_long_as_a_forgetting_goes_on(desk: Desk) -> None:
    forgetting = (await desk.runtime()).store.forgetting
    other = await desk.runtime()
    before = await forgetting.generation()
    assert before == await forgetting.generation()
    async with asyncio.timeout(20):
        await other.store.database.write(
            lambda connection: connection.exec_driver_sql("INSERT INTO erasures(spec, at) VALUES ('[1]', 0)")
        )
        assert await forgetting.generation() is None
        await other.store.database.write(lambda connection: connection.exec_driver_sql("DELETE FROM erasures"))
    after = await forgetting.generation()
    assert after is not None
    assert before is not None
    assert after > before
