"""Turns are judged in their conversations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lra.memory import Hit, Memory
from lra.store import Entry
from lra.store.bulk import TurnLine, insert_turns

START = datetime(2023, 5, 1, 12, tzinfo=UTC)


async def talk(memory: Memory, session: str, *lines: tuple[str, str], days: int = 0) -> None:
    """Put a conversation of named speakers into the record, as an import does."""

    def at(place: int) -> int:
        return int((START + timedelta(days=days, seconds=place)).timestamp()) * 1_000_000

    turns = [
        TurnLine(id=f"{session}-{place}", session=session, role="user", speaker=who, content=text, created_at=at(place))
        for place, (who, text) in enumerate(lines)
    ]
    await memory.store.database.write(lambda connection: insert_turns(connection, turns))


async def turns(memory: Memory, query: str, **options: object) -> list[Hit]:
    return await memory.search(query, scope="turns", **options)  # type: ignore[arg-type]


@pytest.fixture
async def friends(memory: Memory) -> Memory:
    await talk(
        memory,
        "s1",
        ("Ann", "I started pottery last week, it is lovely"),
        ("Ben", "What did you make?"),
        ("Ann", "A blue bowl and two cups"),
        ("Ben", "My marathon training is going well"),
    )
    await talk(
        memory,
        "s2",
        ("Ben", "The weather was awful on Monday"),
        ("Ann", "We had soup and stayed inside"),
        ("Ben", "My sister visited us"),
        ("Ann", "How nice of her"),
        days=60,
    )
    return memory


async def test_an_answer_is_found_by_what_it_answers(friends: Memory) -> None:
    hits = await turns(friends, "What did Ann make in her pottery class?")
    found = [hit.content for hit in hits]
    assert "A blue bowl and two cups" in found[:2]
    bowl = next(hit for hit in hits if "bowl" in hit.content)
    assert bowl.signals["neighbours"] > bowl.signals["coverage"]
    assert bowl.signals["answers"] > 0


async def test_the_speaker_who_is_named_comes_first(memory: Memory) -> None:
    await talk(memory, "s1", ("Ann", "I love hiking in the hills"), ("Ben", "Look at that"))
    await talk(memory, "s2", ("Ben", "I love hiking in the hills too"), ("Ann", "Look at this"))
    for name in ("Ann", "Ben"):
        best = (await turns(memory, f"Does {name} love hiking in the hills?"))[0]
        assert best.signals["speaker"] == 1.0
        assert best.id == {"Ann": "s1-0", "Ben": "s2-0"}[name]


async def test_what_another_one_said_is_no_sure_answer(friends: Memory) -> None:
    right = (await turns(friends, "What is Ann's pottery like?"))[0]
    wrong = (await turns(friends, "What is Ben's pottery like?"))[0]
    assert wrong.score < right.score
    assert wrong.signals["told_by"] < right.signals["told_by"]


async def test_the_time_that_is_asked_for_counts(memory: Memory) -> None:
    for number, days in enumerate((0, 40, 80)):
        await talk(memory, f"s{number}", ("Ann", "We went to the lake and it was fun"), ("Ben", "Oh!"), days=days)
    assert (await turns(memory, "When were we at the lake in May 2023?", echoes=True))[0].session == "s0"
    assert (await turns(memory, "Did we go to the lake in June 2023?", echoes=True))[0].session == "s1"
    june = await turns(memory, "Did we go to the lake in June 2023?", echoes=True)
    assert [hit.signals.get("time", 0.0) > 0.9 for hit in june if hit.content.startswith("We")] == [True, False, False]


async def test_a_day_alone_finds_what_was_said_then(friends: Memory) -> None:
    hits = await turns(friends, "What did we talk about on 30 June 2023?")
    assert {hit.session for hit in hits} == {"s2"}


async def test_an_irregular_form_is_the_same_word(memory: Memory) -> None:
    await talk(memory, "s1", ("Ann", "I bought a red bicycle"), ("Ben", "The children fell asleep"))
    assert (await turns(memory, "What did Ann buy?"))[0].content == "I bought a red bicycle"
    assert (await turns(memory, "Which child fell asleep?"))[0].content == "The children fell asleep"
    await memory.remember("We chose the small house")
    assert [hit.content for hit in await memory.search("what to choose", scope="memories")] == [
        "We chose the small house"
    ]


async def test_more_of_the_question_never_scores_less(memory: Memory) -> None:
    await talk(memory, "s1", ("Ann", "zebra"), ("Ann", "x"), ("Ann", "y"), ("Ann", "z"), ("Ann", "w"))
    await talk(memory, "s2", ("Ann", "zebra violin"), ("Ann", "x"))
    await talk(memory, "s3", ("Ann", "zebra violin glacier"), ("Ann", "x"))
    hits = await turns(memory, "zebra violin glacier")
    scores = {hit.content: hit.score for hit in hits}
    assert scores["zebra violin glacier"] > scores["zebra violin"] > scores["zebra"] > 0


async def test_scores_and_signals_lie_between_0_and_1(friends: Memory) -> None:
    for query in ("Ann pottery bowl", "Ben marathon in May 2023", "soup", "What did Ann make?"):
        for scope in ("turns", "sessions"):
            for hit in await friends.search(query, scope=scope):
                assert 0 < hit.score <= 1
                assert all(0 <= value <= 1 for value in hit.signals.values()), hit.signals


async def test_turns_that_tools_or_another_session_part_are_no_neighbours(memory: Memory) -> None:
    await memory.store.ensure_session("a")
    await memory.store.ensure_session("b")
    for session, text in (("a", "the violin is mine"), ("b", "quite something else"), ("a", "it cost a lot")):
        await memory.store.journal.append(session, None, [Entry(role="user", content=text)])
    hits = {hit.content: hit for hit in await turns(memory, "violin")}
    assert "quite something else" not in hits
    assert hits["it cost a lot"].signals["neighbours"] > 0


async def test_a_filter_lets_no_neighbour_through(friends: Memory) -> None:
    assert {hit.session for hit in await turns(friends, "pottery", exclude_session="s1")} <= {"s2"}
    day = int((START + timedelta(days=60)).timestamp()) * 1_000_000
    assert {hit.session for hit in await turns(friends, "pottery soup", since=day)} == {"s2"}
    assert {hit.session for hit in await turns(friends, "pottery soup", until=day)} == {"s1"}
