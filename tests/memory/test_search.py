"""Lexical search: what is found, in which order, under which filters."""

from __future__ import annotations

import pytest

from lra.errors import UsageError
from lra.memory import Memory
from lra.store import Entry, NewMemory
from lra.store.clock import now_us


async def contents(memory: Memory, query: str, **options: object) -> list[str]:
    return [hit.content for hit in await memory.search(query, **options)]  # type: ignore[arg-type]


async def say(memory: Memory, session: str, *lines: str) -> None:
    await memory.store.ensure_session(session)
    for line in lines:
        await memory.store.journal.append(session, None, [Entry(role="user", content=line)])


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("My dog is called Rex", "What are my dogs called?"),
        ("Ma café préféré est à Orléans", "cafe prefere orleans"),
        ("私の犬の名前はレックスです", "犬の名前は何ですか"),
        ("我喜欢在北京喝绿茶", "北京"),
        ("我喜欢在北京喝绿茶", "茶"),
        ("黒猫", "猫"),
        ("ฉันชอบกินข้าวผัด", "ข้าวผัด"),
        ("أحب القهوة في الصباح", "القهوة"),
        ("Мою собаку зовут Рекс", "рекс"),
        ("내 강아지 이름은 렉스야", "렉스야"),
        ("Full width ＡＢＣ letters", "abc"),
        ("set snake_case_name in c++", "case"),
    ],
)
async def test_every_script_is_found(memory: Memory, text: str, query: str) -> None:
    await memory.remember("Nothing of the sort")
    await memory.remember(text)
    assert (await contents(memory, query))[:1] == [text]


@pytest.mark.parametrize("query", ["", "   ", "?!", '"', "AND OR NOT", "a* ^b", "NEAR(", "🙂", "\0", "\ud800"])
async def test_odd_queries_are_harmless(memory: Memory, query: str) -> None:
    await memory.remember("My dog is called Rex")
    assert isinstance(await memory.search(query), list)


async def test_scores_lie_between_0_and_1_and_order_the_hits(memory: Memory) -> None:
    for text in ("The red car", "The red bus is late", "A red red red car", "Blue sky"):
        await memory.remember(text)
    hits = await memory.search("red car")
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert all(0 < hit.score <= 1 for hit in hits)
    assert {"bm25", "coverage"} <= hits[0].signals.keys()
    assert hits[0].content in {"The red car", "A red red red car"}
    assert "Blue sky" not in [hit.content for hit in hits]


async def test_scopes(memory: Memory) -> None:
    await memory.remember("The gate code is 4711")
    await say(memory, "s1", "Let us talk about the gate", "and about the weather")
    await say(memory, "s2", "The weather is fine")
    assert {hit.kind for hit in await memory.search("gate", scope="memories")} == {"fact"}
    assert {hit.kind for hit in await memory.search("gate", scope="turns")} == {"turn"}
    assert {hit.kind for hit in await memory.search("gate")} == {"fact", "turn"}
    sessions = await memory.search("gate weather", scope="sessions")
    assert [hit.id for hit in sessions] == ["s1", "s2"]
    assert all(hit.kind == "session" and hit.session == hit.id for hit in sessions)
    with pytest.raises(UsageError, match="scope"):
        await memory.search("gate", scope="everything")  # type: ignore[arg-type]


async def test_filters(memory: Memory) -> None:
    await say(memory, "s1", "the gate is red")
    await say(memory, "s2", "the gate is blue")
    await memory.remember("the gate is green", namespace="garden")
    assert await contents(memory, "gate", scope="turns", session="s1") == ["the gate is red"]
    assert await contents(memory, "gate", scope="turns", exclude_session="s1") == ["the gate is blue"]
    assert await contents(memory, "gate", scope="memories", namespace="garden") == ["the gate is green"]
    assert await contents(memory, "gate", scope="memories", namespace="default") == []
    assert await contents(memory, "gate", until=1) == []
    assert len(await contents(memory, "gate", since=1)) == 3


async def test_a_superseded_value_is_found_only_in_its_time(memory: Memory) -> None:
    old = await memory.remember("The gate code is 1", key="gate.code")
    new = await memory.remember("The gate code is 2", key="gate.code")
    assert new.action == "superseded"
    assert await contents(memory, "gate code") == ["The gate code is 2"]
    assert await contents(memory, "gate code", as_of=old.record.created_at) == ["The gate code is 1"]


async def test_a_fact_with_an_end_is_found_until_then(memory: Memory) -> None:
    later = now_us() + 3_600_000_000
    for content, end in (("The old gate code", 1000), ("The gate code today", later)):
        await memory.store.memories.put(NewMemory(content=content, valid_from=1, valid_to=end))
    assert await contents(memory, "gate code") == ["The gate code today"]
    assert len(await contents(memory, "gate code", as_of=500)) == 2
    assert len(await contents(memory, "gate code", as_of=5000)) == 1


async def test_a_turn_said_later_was_not_said_yet(memory: Memory) -> None:
    await say(memory, "s1", "the gate is red")
    assert await contents(memory, "gate", scope="turns", as_of=5) == []


async def test_echoes_are_dropped(memory: Memory) -> None:
    await memory.remember("My dog is called Rex")
    await say(memory, "s1", "my dog is called Rex!", "Rex barks at the postman")
    assert await contents(memory, "Rex dog") == ["My dog is called Rex", "Rex barks at the postman"]


async def test_what_was_forgotten_or_edited_is_not_found_by_its_old_words(memory: Memory) -> None:
    first = await memory.remember("My dog is called Rex")
    second = await memory.remember("My cat is called Tom")
    await memory.forget(first.record.id)
    await memory.edit(second.record.id, "My parrot is called Polly")
    assert await contents(memory, "Rex Tom") == []
    assert await contents(memory, "parrot") == ["My parrot is called Polly"]
    assert [row.action for row in await memory.history(first.record.id)] == ["created", "forgotten"]


async def test_an_undone_turn_is_not_found(memory: Memory) -> None:
    await memory.store.ensure_session("s1")
    await memory.store.journal.begin_turn("s1", Entry(role="user", content="a secret garden"), model="m")
    assert len(await memory.search("garden")) == 1
    await memory.store.journal.rewind("s1", 1)
    assert await memory.search("garden") == []


async def test_nothing_is_remembered_as_nothing(memory: Memory) -> None:
    with pytest.raises(UsageError):
        await memory.remember("  \n")
