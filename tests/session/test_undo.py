"""Undoing turns: memories and tasks become what they were, what cannot be undone is said, nothing else changes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lra.errors import UsageError
from lra.session import Session
from lra.session.closing import leave_summary
from lra.session.undo import Undone
from lra.store import NewMemory
from tests.session.support import Desk, add_tools, take
from tests.support.model_server import Step, call, say


def do(name: str, **args: Any) -> Step:
    """One request that is answered with one tool call."""
    return say("", call(name, **args))


def remember(content: str, key: str | None = None) -> Step:
    return do("write_memory", content=content, **({"key": key} if key else {}))


async def facts(session: Session) -> dict[str, tuple[int, int | None]]:
    """The memories in force: text to count and end."""
    found = await session.runtime.store.memories.find()
    return {record.content: (record.count, record.valid_to) for record in found if record.kind != "summary"}


async def found(session: Session, words: str) -> list[str]:
    return [hit.content for hit in await session.runtime.memory.search(words, scope="memories")]


def dump(path: Path) -> list[str]:
    """Everything in the record that a person could see, except leases."""
    with closing(sqlite3.connect(path)) as connection:
        tables = ("turns", "journal", "memories", "memory_history", "tasks", "task_history", "index_queue")
        kept: list[str] = []
        for table in tables:
            kept += [
                f"{table} {row}"
                for row in connection.execute(
                    f"SELECT * FROM {table} ORDER BY seq" if table != "turns" else "SELECT * FROM turns ORDER BY id"
                )
            ]
        kept += [str(row) for row in connection.execute("SELECT id, title, summarized_seq, compaction FROM sessions")]
        kept += [str(row) for row in connection.execute("SELECT rowid, content FROM memories_fts ORDER BY rowid")]
        return kept


async def test_undo_takes_back_what_the_turn_wrote_and_nothing_else(desk: Desk) -> None:
    session = await desk.session()
    store = session.runtime.store
    desk.server.script(remember("My dog is called Rex", "user.dog"), say("Noted."))
    await take(session, "my dog is Rex")
    task = await store.tasks.create("Buy dog food")
    before = await facts(session)

    desk.server.script(
        remember("My dog is called Fido", "user.dog"),
        remember("I live in Bern"),
        do("create_task", title="Register Fido"),
        do("update_task_status", task_id=task.id, status="done"),
        say("All noted."),
    )
    await take(session, "no, it is Fido, and I live in Bern")
    assert set(await facts(session)) == {"My dog is called Fido", "I live in Bern"}

    undone = await session.undo()
    assert [(turn.number, turn.text) for turn in undone.turns] == [(2, "no, it is Fido, and I live in Bern")]
    assert {(memory.action, memory.content) for memory in undone.memories} == {
        ("removed", "I live in Bern"),
        ("removed", "My dog is called Fido"),
        ("restored", "My dog is called Rex"),
    }
    assert {(back.action, back.title, back.status) for back in undone.tasks} == {
        ("removed", "Register Fido", "pending"),
        ("restored", "Buy dog food", "pending"),
    }
    assert undone.tools == []
    assert await facts(session) == before
    assert await found(session, "dog called") == ["My dog is called Rex"]
    assert await found(session, "Bern Fido") == []
    assert [(task.title, task.status) for task in await store.tasks.find()] == [("Buy dog food", "pending")]
    # The model no longer sees it, and a second undo takes the turn before.
    assert [turn.number for turn in await store.journal.turns(session.id)] == [1]
    again = await session.undo()
    assert again.turns[0].text == "my dog is Rex"
    assert await facts(session) == {}
    assert session.title == ""
    with pytest.raises(UsageError, match="no turn to undo"):
        await session.undo()


async def test_a_preview_says_the_same_and_changes_nothing(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(remember("I like tea", "drink"), say("Ok."))
    await take(session, "I like tea")
    desk.server.script(remember("I like cocoa", "drink"), do("create_task", title="Buy cocoa"), say("Ok."))
    await take(session, "cocoa now")
    path = session.runtime.store.database.path
    before = dump(path)
    last, both = await session.undo_preview(), await session.rewind_preview(1)
    assert dump(path) == before
    assert [turn.number for turn in both.turns] == [1, 2]
    assert sorted(memory.action for memory in both.memories) == ["removed", "removed"]
    assert any(line == "memory would be restored: I like tea" for line in last.sentences(done=False))
    assert last == await session.undo()


async def test_rewinding_leaves_memories_unless_asked(desk: Desk) -> None:
    session = await desk.session()
    for text in ("I like tea", "I like plums"):
        desk.server.script(remember(text), say("Ok."))
        await take(session, text)
    kept = await session.rewind(2)
    assert (kept.memories, kept.tasks) == ([], [])
    assert set(await facts(session)) == {"I like tea", "I like plums"}
    gone = await session.rewind(1, also_written=True)
    assert [memory.content for memory in gone.memories] == ["I like tea"]
    assert set(await facts(session)) == {"I like plums"}


async def test_what_others_changed_since_is_kept_and_said(desk: Desk) -> None:
    session = await desk.session()
    store = session.runtime.store
    desk.server.script(
        remember("The meeting is on Monday"),
        remember("The key is under the mat"),
        remember("Ann is a pilot"),
        do("create_task", title="Call Ann"),
        say("Ok."),
    )
    await take(session, "three things")
    monday, key, ann = sorted(await store.memories.find(), key=lambda record: record.seq)
    await store.memories.edit(monday.id, "The meeting is on Tuesday")
    await session.runtime.memory.remember("The key is under the mat")
    (task,) = await store.tasks.find()
    await store.tasks.update(task.id, status="done")

    undone = await session.undo()
    assert {(memory.id, memory.action) for memory in undone.memories} == {
        (monday.id, "kept"),
        (key.id, "kept"),
        (ann.id, "removed"),
    }
    assert [(back.action, back.status) for back in undone.tasks] == [("kept", "done")]
    assert "memory kept, since it was edited since: The meeting is on Tuesday" in undone.sentences()
    assert await facts(session) == {"The meeting is on Tuesday": (1, None), "The key is under the mat": (1, None)}


async def test_a_value_that_was_replaced_again_elsewhere_stays_replaced(desk: Desk) -> None:
    session = await desk.session()
    store = session.runtime.store
    await session.runtime.memory.remember("I work at Acme", key="work")
    desk.server.script(remember("I work at Bolt", "work"), say("Ok."))
    await take(session, "Bolt now")
    await session.runtime.memory.remember("I work at Core", key="work")
    undone = await session.undo()
    assert [(memory.action, memory.content) for memory in undone.memories] == [("removed", "I work at Bolt")]
    assert set(await facts(session)) == {"I work at Core"}
    chain = {record.content: record.superseded_by for record in await store.memories.find(superseded=True)}
    (core,) = await store.memories.find()
    assert chain == {"I work at Acme": core.id, "I work at Core": None}


async def test_the_end_of_a_fact_and_an_overwritten_memory_come_back(desk: Desk) -> None:
    session = await desk.session()
    store = session.runtime.store
    far = 4_000_000_000_000_000
    await store.memories.add(NewMemory(content="The lease runs", key="lease", valid_to=far))
    await store.memories.put(NewMemory(content="old text", id="fixed", metadata={"page": 1}))
    desk.server.script(say("Ok."))
    await take(session, "hello")
    (turn,) = await store.journal.turns(session.id)
    await store.memories.add(NewMemory(content="The lease ended", key="lease", turn_id=turn.id))
    await store.memories.put(NewMemory(content="new text", id="fixed", metadata={"page": 2}, turn_id=turn.id))
    await session.undo()
    assert await facts(session) == {"The lease runs": (1, far), "old text": (1, None)}
    assert (await store.memories.get("fixed")).metadata == {"page": 1}
    assert await found(session, "old text") == ["old text"]
    assert [change.action for change in await store.memories.history("fixed")] == ["created", "edited", "restored"]


async def test_a_repeated_memory_is_counted_down(desk: Desk) -> None:
    session = await desk.session()
    await session.runtime.memory.remember("I like tea")
    desk.server.script(remember("I like tea", "drink"), say("Known."))
    await take(session, "I like tea")
    assert (await facts(session))["I like tea"][0] == 2
    await session.undo()
    (record,) = await session.runtime.store.memories.find()
    assert (record.count, record.key) == (1, None)


async def test_what_a_tool_did_outside_is_said(desk: Desk) -> None:
    def launch(rocket: str) -> str:
        """Launch a rocket."""
        return f"{rocket} is up"

    session = await desk.session()
    add_tools(session, launch)
    desk.server.script(do("launch", rocket="Ariane"), do("search_memory", query="rockets"), say("Gone."))
    await take(session, "launch it")
    for undone in (await session.undo_preview(), await session.undo()):
        (effect,) = undone.tools
        assert (effect.turn, effect.name, effect.args, effect.outcome) == (1, "launch", {"rocket": "Ariane"}, "success")
        assert undone.sentences()[-1] == 'cannot be undone: launch {"rocket": "Ariane"}'


async def test_the_summary_of_undone_words_goes_and_is_written_anew(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("I see."), say("Sad."))
    await take(session, "The garden needs new roses this spring")
    await take(session, "Uncle Theodore lost his fortune gambling")
    await leave_summary(session.runtime, session.id, None)
    assert await found(session, "Theodore gambling")
    undone = await session.undo()
    assert undone.summary_dropped
    assert await found(session, "Theodore gambling") == []
    (summary,) = await session.runtime.store.memories.find(kind="summary")
    assert "roses" in summary.content


async def test_undone_words_leave_nothing_for_a_later_forgetting_to_miss(desk: Desk) -> None:
    session = await desk.session()
    secret = "the vault code is tangerine"
    desk.server.script(remember(secret), do("create_task", title="Open the vault"), say("Ok."))
    await take(session, f"remember: {secret}")
    await session.runtime.store.tasks.update(
        (await session.runtime.store.tasks.find())[0].id, title="Open it", description=secret
    )
    await session.runtime.store.tasks.update((await session.runtime.store.tasks.find())[0].id, description="")
    await session.undo()
    again = await session.runtime.memory.remember(secret)
    await session.runtime.memory.forget(again.record.id)
    path = session.runtime.store.database.path
    assert not [line for line in dump(path) if "tangerine" in line]


async def test_a_read_only_session_and_unknown_turns_are_refused(desk: Desk) -> None:
    session = await desk.session()
    desk.server.script(say("Ok."))
    await take(session, "hello")
    reader = await desk.session(runtime=session.runtime, resume=session.id, read_only=True)
    calls: list[Any] = [reader.undo, reader.undo_preview, lambda: reader.rewind(1), lambda: session.rewind_preview(7)]
    for attempt in calls:
        with pytest.raises(UsageError):
            await attempt()
    assert isinstance(await session.undo(), Undone)
