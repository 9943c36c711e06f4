"""Recall: right when there is something, quiet when there is not."""

from __future__ import annotations

import pytest

from lra.memory import Memory
from lra.store import Entry
from lra.store.bulk import TurnLine, insert_turns
from tests.memory.conftest import Opener

SMALL_TALK = [
    "hello",
    "Hi there!",
    "thanks",
    "thank you very much",
    "ok",
    "yes please",
    "good morning, how are you today?",
    "write a haiku about autumn",
    "tell me a joke",
    "what time is it?",
    "what is 17 * 23?",
    "can you help me with something?",
    "call me a taxi",
    "continue",
    "translate 'good night' into French",
    "こんにちは",
    "merci beaucoup",
]

FACTS = {
    "My dog is called Rex": ["what is my dog called?", "What's the name of my dog?", "who is Rex?"],
    "The user lives in Lisbon": ["where do I live?", "do I live in Lisbon or in Porto?"],
    "The production database runs on port 5433": ["which port does the production database use?"],
    "User prefers metric units": ["do I prefer metric or imperial units?"],
    "犬の名前はレックスです": ["私の犬の名前は何ですか"],
    "Mi hermana se llama Lucía": ["¿cómo se llama mi hermana?"],
}


@pytest.mark.parametrize("text", SMALL_TALK)
async def test_small_talk_recalls_nothing(memory: Memory, text: str) -> None:
    for fact in FACTS:
        await memory.remember(fact)
    assert await memory.recall(text) == []


@pytest.mark.parametrize(("fact", "question"), [(f, q) for f, questions in FACTS.items() for q in questions])
async def test_a_question_recalls_its_fact_even_when_it_is_the_only_one(
    memory: Memory, fact: str, question: str
) -> None:
    await memory.remember(fact)
    assert [hit.content for hit in await memory.recall(question)] == [fact]


@pytest.mark.parametrize(("fact", "question"), [(f, q) for f, questions in FACTS.items() for q in questions])
async def test_a_question_recalls_its_fact_among_others(memory: Memory, fact: str, question: str) -> None:
    for other in FACTS:
        await memory.remember(other)
    assert (await memory.recall(question))[0].content == fact


async def test_small_talk_recalls_nothing_with_vectors_either(opener: Opener) -> None:
    memory = opener()
    for fact in FACTS:
        await memory.remember(fact)
    assert await memory.drain(10)
    assert [text for text in SMALL_TALK if await memory.recall(text)] == []
    assert (await memory.recall("what is my dog called?"))[0].content == "My dog is called Rex"


async def test_the_session_at_hand_and_what_is_no_longer_true_stay_out(memory: Memory) -> None:
    for session in ("here", "there"):
        await memory.store.ensure_session(session)
        await memory.store.journal.append(session, None, [Entry(role="user", content=f"my dog Rex sleeps {session}")])
    await memory.remember("The dog's vet is Dr. Old", key="vet")
    await memory.remember("The dog's vet is Dr. New", key="vet")
    found = [hit.content for hit in await memory.recall("where does my dog Rex sleep?", session_id="here")]
    assert found == ["my dog Rex sleeps there"]
    assert (await memory.recall("who is the dog's vet?"))[0].content == "The dog's vet is Dr. New"
    assert all("Old" not in hit.content for hit in await memory.recall("dog vet"))


@pytest.mark.parametrize(
    ("fact", "question"),
    [("I am allergic to peanuts", "am I allergic to peanuts?"), ("My dog is called Rex", "is my dog called Rex?")],
)
async def test_that_a_fact_is_known_answers_a_question_that_holds_all_its_words(
    memory: Memory, fact: str, question: str
) -> None:
    await memory.remember(fact)
    assert [hit.content for hit in await memory.recall(question)] == [fact]
    # Told again, it brings nothing new.
    assert await memory.recall(fact) == []


async def test_an_earlier_question_is_no_answer(memory: Memory) -> None:
    await memory.store.ensure_session("s")
    await memory.store.journal.append("s", None, [Entry(role="user", content="what is my dog called?")])
    assert await memory.recall("what is my dog called?") == []


async def test_what_stands_for_erased_words_is_not_recalled(memory: Memory) -> None:
    await memory.store.ensure_session("s")
    for text in ("I live in Bergen", "Well, I live in Bergen, and forget my keys there"):
        await memory.store.journal.append("s", None, [Entry(role="user", content=text)])
    written = await memory.remember("I live in Bergen")
    await memory.erase(written.record.id)
    said = [row.content for row in await memory.store.journal.rows("s")]
    assert said == ["[forgotten]", "Well, [forgotten], and forget my keys there"]
    for hits in (await memory.recall("did I forget something?"), await memory.search("forgotten, forget")):
        assert [hit.content for hit in hits] == said[1:]


async def test_budget_and_pinned_instructions(memory: Memory) -> None:
    await memory.remember("Always answer in French", kind="instruction", pin=True)
    for number in range(6):
        await memory.remember(f"Rex the dog did trick number {number} " + "x" * 300)
    hits = await memory.recall("dog Rex tricks", limit=4, max_chars=1000)
    assert hits[0].content == "Always answer in French"
    assert sum(len(hit.content) for hit in hits) <= 1000
    assert len(hits) == 3
    assert [hit.content for hit in await memory.recall("hello")] == ["Always answer in French"]


async def talk(memory: Memory, *lines: tuple[str, str]) -> None:
    turns = [
        TurnLine(id=f"t{place}", session="s", role="user", speaker=who, content=text, created_at=1_000_000 * place)
        for place, (who, text) in enumerate(lines, 1)
    ]
    await memory.store.database.write(lambda connection: insert_turns(connection, turns))


async def test_what_somebody_else_said_is_not_put_into_ones_mouth(memory: Memory) -> None:
    await talk(
        memory,
        ("Ann", "I glazed a turquoise bowl in my pottery class"),
        ("Ben", "Splendid"),
        ("Ben", "My brother repairs vintage motorcycles"),
        ("Ann", "Impressive"),
    )
    assert [hit.id for hit in await memory.recall("What did Ann glaze in her pottery class?")] == ["t1"]
    assert [hit.id for hit in await memory.recall("What does Ben's brother repair?")] == ["t3"]
    assert await memory.recall("What did Ben glaze in his pottery class?") == []
    assert await memory.recall("What did Ann say about trigonometry?") == []


async def test_what_fits_much_worse_than_the_best_stays_out(memory: Memory) -> None:
    await talk(
        memory,
        ("Ann", "The turquoise bowl from pottery class broke on Tuesday"),
        ("Ben", "Oh"),
        ("Ben", "Hm"),
        ("Ben", "Well"),
        ("Ben", "The bowl of soup is hot"),
    )
    assert [hit.id for hit in await memory.recall("which turquoise bowl from pottery class broke?")] == ["t1"]


async def test_a_summary_that_only_repeats_a_memory_stays_out(memory: Memory) -> None:
    await memory.store.ensure_session("before")
    await memory.remember("My bike is red", session_id="before")
    summary = (
        "You: I play the cello\nYou: My bike is red\nYou: what colour is my bike?\nYou: my brother Tom is a carpenter"
    )
    await memory.remember(summary, kind="summary", source="summary", key="session.before", session_id="before")
    assert [hit.content for hit in await memory.recall("what colour is my bike?")] == ["My bike is red"]
    assert [hit.content for hit in await memory.recall("what does my brother Tom do, the carpenter?")] == [summary]


@pytest.mark.parametrize("text", ["y", "n", "2", "B", "are you sure?", "think again", "ok, do it"])
async def test_what_one_answers_or_goes_on_with_recalls_nothing(memory: Memory, text: str) -> None:
    for content in ("Which of them: y, n, 2 or B?", "Are you sure? Think again, I did it twice.", "My name is Ana"):
        await memory.remember(content)
    assert await memory.recall(text) == []
    # Asked for on purpose, it is found.
    assert await memory.search("y")
    assert [hit.content for hit in await memory.recall("my name?")] == ["My name is Ana"]
