"""What a search costs as the record grows, in rows visited and statements sent."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from lra.memory import Memory
from lra.memory.lexical import LexicalMatch, LexicalSearch
from lra.memory.query import Word, read, resolve, weight
from lra.store import lexicon
from lra.store.bulk import FactLine, insert_facts
from lra.store.fts import Filters
from lra.store.sqlite import raw

ROWS = 5000


@pytest.fixture
async def large(memory: Memory) -> Memory:
    lines = [
        FactLine(id=f"m{i}", content=f"user note on everyday subject {i} and item{i % 50}", created_at=i, values={})
        for i in range(ROWS)
    ]

    def work(connection: Any) -> None:
        insert_facts(connection, lines, process="test")

    await memory.store.database.write(work)
    return memory


async def rows(memory: Memory, words: list[Word], filters: Filters) -> list[LexicalMatch]:
    return await memory.store.database.query(
        lambda connection: LexicalSearch().rows(connection, "memories", words, filters=filters, limit=5, budget=1000)
    )


async def test_common_terms_are_not_looked_up_row_by_row(large: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[int] = []
    original = lexicon.postings

    def counted(*args: Any, **options: Any) -> Any:
        held = original(*args, **options)
        visited.append(sum(map(len, held.values())))
        return held

    monkeypatch.setattr(lexicon, "postings", counted)
    hits = await large.recall("the everyday subject 4321 of a user")
    assert "4321" in hits[0].content
    assert sum(visited) < 10


async def test_a_question_of_common_terms_only_visits_the_newest_rows(large: Memory) -> None:
    words = read("everyday subject")
    terms = await large.store.database.query(
        lambda connection: resolve(connection, lexicon.Lexicon(), "memories", words, budget=1000)
    )
    assert not terms.rare
    found = await rows(large, words, Filters())
    assert len(found) == 5
    assert min(match.seq for match in found) > ROWS - 300


async def test_frequent_terms_are_found_within_one_session(large: Memory) -> None:
    def work(connection: Any) -> None:
        line = FactLine(id="s", content="an everyday matter", created_at=1, values={"session_id": "s1"})
        insert_facts(connection, [line], process="test")

    await large.store.database.write(work)
    words = read("everyday subject 4321")
    found = await rows(large, words, Filters(session="s1"))
    assert [match.seq for match in found] == [ROWS + 1]


async def test_recall_sends_as_many_statements_in_one_go_however_many_rows_there_are(memory: Memory) -> None:
    statements: list[str] = []
    goes: list[object] = []

    def count(connection: Connection) -> None:
        if not goes:
            raw(connection).set_trace_callback(statements.append)
        goes.append(connection)

    async def sent() -> int:
        statements.clear()
        goes.clear()
        event.listen(Engine, "engine_connect", count)
        try:
            await memory.recall("what is my dog called?")
        finally:
            event.remove(Engine, "engine_connect", count)
        assert len(goes) == 1
        return len([statement for statement in statements if not statement.startswith("--")])

    await memory.remember("My dog is called Rex")
    await memory.recall("what is my dog called?")
    few = await sent()
    for number in range(100):
        await memory.remember(f"dog number {number} is called Fido{number}")
    assert await sent() <= few + 2
    assert few <= 16


def test_weights_fall_with_frequency_and_known_words_tell_little() -> None:
    assert weight(1, 1, common=False) > 3 * weight(1, 1, common=True) / 2
    assert weight(10, 100_000, common=False) > weight(10_000, 100_000, common=False) > 0


async def test_stems_are_those_of_the_index(memory: Memory) -> None:
    await memory.remember("start")
    words = ["called", "running", "Café", "snake_case", "!", "generously"]
    assert await memory.store.database.query(lambda connection: lexicon.Lexicon().stems(connection, words)) == [
        ("call",),
        ("run",),
        ("cafe",),
        ("snake", "case"),
        (),
        ("gener",),
    ]
