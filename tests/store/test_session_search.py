"""Finding conversations as one types."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lra.store import Entry, StructuredMemoryStore

Make = Callable[..., StructuredMemoryStore]


@pytest.fixture
async def store(open_store: Make) -> StructuredMemoryStore:
    store = open_store()
    talks = {
        "garden": ("Roses in spring", ["When do I prune roses?", "In March.\n\nPrune them above an eye, gently."]),
        "car": ("The old car", ["The engine stalls when pruning hedges", "Odd. Check the carburettor."]),
        "tokyo": ("東京の旅", ["東京タワーに行きたい", "Good idea."]),
        "long": ("Talk", ["x " * 400 + "needle in the haystack " + "y " * 400, "Found."]),
    }
    for name, (title, said) in talks.items():
        await store.sessions.create(id=name, title=title)
        turn = await store.journal.begin_turn(name, Entry(role="user", content=said[0]), model="m")
        await store.journal.finish_turn(
            turn.id, outcome="completed", entries=[Entry(role="assistant", content=said[1])]
        )
    await store.sessions.create(id="silent", title="Never said anything")
    return store


async def ids(store: StructuredMemoryStore, text: str) -> list[str]:
    return [match.session.id for match in await store.sessions.search(text)]


async def test_words_are_found_in_titles_and_messages_also_unfinished(store: StructuredMemoryStore) -> None:
    assert await ids(store, "prune roses") == ["garden"]
    assert await ids(store, "carbu") == ["car"]
    for begun in range(3, len("carburettor")):
        assert await ids(store, "carburettor"[:begun]) == ["car"], begun
    for begun in range(3, len("gently")):
        assert await ids(store, "prune gently"[: 6 + begun]) == ["garden"], begun
    assert (await ids(store, "spri"))[0] == "garden"
    assert await ids(store, "東京") == ["tokyo"]
    assert await ids(store, "never said") == ["silent"]
    assert await ids(store, "zebra") == []
    assert set(await ids(store, "pruning")) == {"garden", "car"}


async def test_without_words_the_latest_come_with_their_last_line(store: StructuredMemoryStore) -> None:
    found = await store.sessions.search("", limit=2)
    assert [match.session.id for match in found] == ["silent", "long"]
    assert [(match.snippet, match.role) for match in found] == [("", None), ("Found.", "assistant")]


async def test_the_snippet_is_the_line_that_fits_cut_around_the_word(store: StructuredMemoryStore) -> None:
    (garden,) = await store.sessions.search("gently eye")
    assert garden.snippet == "Prune them above an eye, gently."
    assert garden.role == "assistant"
    (long,) = await store.sessions.search("needle")
    assert long.snippet.startswith("…x")
    assert "needle in the haystack" in long.snippet
    assert len(long.snippet) <= 162


async def test_odd_queries_find_nothing_or_something_but_never_fail(store: StructuredMemoryStore) -> None:
    for text in ('"', "AND", "a* OR (", "content : x", "'; DROP TABLE journal", "🦊", "\x00", "NEAR(", "- -"):
        await store.sessions.search(text)


async def test_undone_turns_are_not_found(store: StructuredMemoryStore) -> None:
    await store.journal.rewind("garden", 1)
    assert "garden" not in await ids(store, "prune march")
    assert await store.sessions.preview("garden") == []


async def test_preview_shows_the_end_or_the_place_of_a_match(store: StructuredMemoryStore) -> None:
    for number in range(10):
        turn = await store.journal.begin_turn("car", Entry(role="user", content=f"question {number}"), model="m")
        await store.journal.finish_turn(turn.id, outcome="completed")
    assert [line.text for line in await store.sessions.preview("car", 3)] == ["question 7", "question 8", "question 9"]
    (match,) = await store.sessions.search("question 4")
    around = await store.sessions.preview("car", 4, around=match.seq)
    assert [line.text for line in around] == ["question 3", "question 4", "question 5", "question 6"]


async def test_what_a_fork_has_copied_is_found_in_it_too_behind_the_original(store: StructuredMemoryStore) -> None:
    for number, (parent, child) in enumerate((("garden", "fork"), ("fork", "fork of the fork")), 1):
        await store.sessions.create(id=child, title=f"Copy {number}", parent_id=parent)
        await store.journal.copy(parent, child)
    await store.sessions.create(id="early", title="Copy of nothing", parent_id="garden")
    assert await ids(store, "prune above") == ["garden", "fork", "fork of the fork"]
    _, fork, _ = await store.sessions.search("prune above")
    (line,) = [line for line in await store.sessions.preview("fork", 2, around=fork.seq) if line.seq == fork.seq]
    assert line.text.startswith("In March.")
