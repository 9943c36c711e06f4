"""What the offline model says of memory: secrets stay where they were typed, and only what is stored is called so."""

from __future__ import annotations

import pytest

from lra.events import MemoryWritten, Recalled
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
