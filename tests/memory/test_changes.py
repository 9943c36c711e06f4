"""What was said and no longer holds comes with what holds since."""

from __future__ import annotations

from typing import Any

import pytest

from lra.agent.recall_block import format_block
from lra.memory import Memory
from lra.memory.hits import Hit
from lra.memory.readers import Reader
from lra.store import Entry, TurnRecord
from lra.store.clock import now_us


async def turn(memory: Memory, session: str, text: str, **fact: Any) -> TurnRecord:
    """Say something, and keep it as that turn's fact."""
    await memory.store.ensure_session(session)
    begun = await memory.store.journal.begin_turn(session, Entry(role="user", content=text), model="m")
    if fact:
        await memory.remember(fact.pop("content", text), session_id=session, turn_id=begun.id, **fact)
    await memory.store.journal.finish_turn(begun.id, outcome="success")
    return begun


async def summary(memory: Memory, session: str, text: str) -> None:
    await memory.remember(text, kind="summary", key=f"session.{session}", source="summary", session_id=session)


def changes(hits: list[Hit]) -> dict[str, str]:
    return {hit.content: hit.changed for hit in hits}


OSLO = "“I live in Oslo” no longer holds, but “I live in Bergen”"


async def moved(memory: Memory) -> None:
    await turn(memory, "s1", "I live in Oslo", key="user.location")
    await summary(memory, "s1", "You: My name is Ana\nYou: I live in Oslo")
    await turn(memory, "s2", "Actually I live in Bergen", content="I live in Bergen", key="user.location")


async def test_a_replaced_value_is_recalled_last_and_with_what_holds_now(memory: Memory) -> None:
    await moved(memory)
    hits = await memory.recall("where do I live?", session_id="s3")
    assert hits[0].content == "I live in Bergen"
    told = changes(hits)
    assert told["I live in Bergen"] == ""
    assert told["I live in Oslo"] == OSLO
    assert {hit.changed for hit in hits if "Oslo" in hit.content} == {OSLO}
    block = format_block([hit.recalled() for hit in hits])
    for line in block.splitlines():
        assert "Oslo" not in line or f"[since changed: {OSLO}]" in line


async def test_it_comes_with_what_holds_now_where_only_the_old_words_fit(memory: Memory) -> None:
    await moved(memory)
    hits = await memory.recall("tell me about Oslo", session_id="s3")
    assert hits
    assert {hit.changed for hit in hits if "Oslo" in hit.content} == {OSLO}


async def test_searches_say_so_too(memory: Memory) -> None:
    await moved(memory)
    for hits in (await memory.search("Oslo"), await memory.search_for(Reader("s3", local=False), "Oslo")):
        assert {hit.changed for hit in hits if "Oslo" in hit.content} == {OSLO}
        assert all(hit.to_dict()["changed"] == OSLO for hit in hits if "Oslo" in hit.content)


async def test_what_held_then_held_then(memory: Memory) -> None:
    await turn(memory, "s1", "I live in Oslo", key="user.location")
    then = now_us()
    await turn(memory, "s2", "I live in Bergen", key="user.location")
    assert changes(await memory.search("Oslo", scope="turns", as_of=then)) == {"I live in Oslo": ""}
    assert changes(await memory.search("Oslo", scope="turns")) == {"I live in Oslo": OSLO}


async def test_an_edited_memory_has_changed_as_well(memory: Memory) -> None:
    await turn(memory, "s1", "I live in Oslo", kind="fact")
    (record,) = await memory.find()
    await memory.edit(record.id, "I live in Bergen")
    assert changes(await memory.search("Oslo", scope="turns")) == {"I live in Oslo": OSLO}


async def test_what_was_taken_back_has_not_changed(memory: Memory) -> None:
    await turn(memory, "s1", "I live in Oslo", key="user.location")
    await memory.remember("I live in Bergen", key="user.location")
    assert changes(await memory.search("Oslo", scope="turns")) == {"I live in Oslo": OSLO}
    await memory.undo()
    assert changes(await memory.search("Oslo", scope="turns")) == {"I live in Oslo": ""}


async def test_what_holds_again_has_not_changed(memory: Memory) -> None:
    for number, town in enumerate(("Oslo", "Bergen", "Oslo")):
        await turn(memory, f"s{number}", f"I live in {town}", key="user.location")
    assert set(changes(await memory.search("Oslo", scope="turns")).values()) == {""}
    assert changes(await memory.search("Bergen", scope="turns")) == {
        "I live in Bergen": "“I live in Bergen” no longer holds, but “I live in Oslo”"
    }


async def test_the_same_words_said_elsewhere_are_known_to_be_old(memory: Memory) -> None:
    await memory.remember("I live in Oslo", key="user.location")
    await turn(memory, "s1", "Well. I live in Oslo! It rains.")
    await memory.remember("I live in Bergen", key="user.location")
    await turn(memory, "s2", "For a week I live in Oslo again")
    told = changes(await memory.search("Oslo", scope="turns"))
    assert told["Well. I live in Oslo! It rains."] == OSLO
    assert told["For a week I live in Oslo again"] == "", "it was said after the change"


async def test_a_fact_in_other_words_is_known_by_its_turn(memory: Memory) -> None:
    await turn(memory, "s1", "In May we moved over to Oslo", content="The user lives in Oslo", key="user.location")
    await memory.remember("The user lives in Bergen", key="user.location")
    assert changes(await memory.search("Oslo", scope="turns")) == {
        "In May we moved over to Oslo": "“The user lives in Oslo” no longer holds, but “The user lives in Bergen”"
    }


@pytest.mark.parametrize("local", [False, True])
async def test_what_a_model_elsewhere_may_not_see_is_not_told_this_way(memory: Memory, local: bool) -> None:
    await turn(memory, "s1", "I live in Oslo", key="user.location")
    await memory.remember("I live in Bergen", key="user.location", local_only=True)
    hits = await memory.search_for(Reader("s3", local=local), "Oslo")
    assert changes(hits)["I live in Oslo"] == (OSLO if local else "“I live in Oslo” no longer holds")
    assert ("Bergen" in str([hit.to_dict() for hit in hits])) is local
