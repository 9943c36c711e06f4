"""A record that is locked, full or left behind: what was typed is kept, and the person is told."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_ai.messages import ModelResponse, ToolCallPart

from lra.config import load_settings
from lra.errors import BusyError, StoreError
from lra.events import TextDelta
from lra.memory import Memory
from lra.runtime import Runtime
from lra.session import Session
from lra.session.history import response_entry, user_entry
from lra.session.recovery import recover_turns
from lra.store import StructuredMemoryStore
from lra.store.database import Database
from lra.store.inbox import Inbox
from tests.session.support import MODELS, ROOT, Desk, end, rows, shown, spoken, take
from tests.store.conftest import small_disk
from tests.store.support import Locked, fill
from tests.support.model_server import call, say

__all__ = ["small_disk"]


def leave_line(home: Path, text: str, session: str | None = None) -> None:
    """Put a line into the inbox in a process that ends right after."""
    code = "import sys; from pathlib import Path; from lra.store.inbox import Inbox; " + (
        "Inbox(Path(sys.argv[1])).put(sys.argv[2], sys.argv[3] or None)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(home), text, session or ""],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )


async def impatient(desk: Desk) -> Session:
    """A session that waits a fifth of a second for another process's lock."""
    settings = await asyncio.to_thread(load_settings)
    store = StructuredMemoryStore(settings.database_url)
    store.database._busy_ms = 200
    await store.init_db()
    return await desk.session(runtime=Runtime(settings, store, Memory(store, settings=settings)))


# Locked


async def test_what_is_typed_while_the_record_is_locked_waits_in_the_inbox(desk: Desk, home: Path) -> None:
    desk.server.script(say("One."), say("Two."))
    session = await impatient(desk)
    await take(session, "first")
    locked = await asyncio.to_thread(Locked(session.runtime.store.database.path).__enter__)
    try:
        with pytest.raises(BusyError) as caught:
            await take(session, "typed while locked")
    finally:
        await asyncio.to_thread(locked.__exit__, None, None, None)
    assert "Your message is kept" in str(caught.value)
    assert not session.running
    (waiting,) = (home / "lra" / "inbox").glob("*.jsonl")
    line = json.loads(waiting.read_text())
    assert (line["text"], line["session"]) == ("typed while locked", session.id)
    assert waiting.stat().st_mode & 0o777 == 0o600
    assert end(await take(session, "second")).output == "Two."
    # It stands where and when it was typed, and the next answer knows it.
    users = [row for row in await rows(session) if row.role == "user"]
    assert [row.content for row in users] == ["first", "typed while locked", "second"]
    assert users[1].created_at == line["at"]
    assert "typed while locked" in json.dumps(desk.server.requests[-1].body)
    outcomes = [turn.outcome for turn in await session.runtime.store.journal.turns(session.id)]
    assert outcomes == ["completed", "interrupted", "completed"]
    assert not waiting.exists()


async def test_what_waits_when_a_session_is_closed_is_in_it(desk: Desk, home: Path) -> None:
    desk.server.script(say("One."))
    session = await impatient(desk)
    await take(session, "first")
    locked = await asyncio.to_thread(Locked(session.runtime.store.database.path).__enter__)
    try:
        with pytest.raises(BusyError):
            await take(session, "typed while locked")
    finally:
        await asyncio.to_thread(locked.__exit__, None, None, None)
    await desk.close(session)
    again = await desk.session(resume=session.id)
    assert (await spoken(again))[-1] == ("user", "typed while locked")
    assert not [notice for notice in again.notices if "typed but not sent" in notice]
    assert list((home / "lra" / "inbox").iterdir()) == []


async def test_a_lock_in_the_middle_of_a_turn_ends_it_with_a_sentence(desk: Desk) -> None:
    desk.server.script(say(("Half ", "an answer."), hold=1), say("Two."))
    session = await impatient(desk)
    turn = asyncio.create_task(take(session, "hello"))
    await desk.server.until_held()
    locked = await asyncio.to_thread(Locked(session.runtime.store.database.path).__enter__)
    try:
        desk.server.release()
        async with asyncio.timeout(20):
            events = await turn
    finally:
        await asyncio.to_thread(locked.__exit__, None, None, None)
    last = end(events)
    assert (last.outcome, last.exit_code) == ("failed", 75)
    assert "locked" in (last.error or "")
    # What arrived is shown although it could not be written.
    assert last.output == "Half an answer."
    assert end(await take(session, "again")).output == "Two."


# Full


async def test_a_disk_that_fills_up_in_a_turn(desk: Desk, small_disk: Path) -> None:
    desk.setenv(LRA_HOME=str(small_disk / "home"))
    desk.server.script(say(("Half ", "an answer. " * 1000), call("create_task", title="x"), hold=1), say("Two."))
    session = await desk.session()
    filler: list[Path] = []

    def watch(event: object) -> None:
        if isinstance(event, TextDelta) and not filler:
            filler.append(fill(small_disk))
            desk.server.release()

    async with asyncio.timeout(20):
        events = await take(session, "hello", watch)
    last = end(events)
    assert (last.outcome, last.exit_code) == ("failed", 1)
    assert "full" in (last.error or "")
    assert shown(events).startswith("Half ")
    with pytest.raises(StoreError, match="full"):
        await take(session, "typed while full " * 1000)

    filler[0].unlink()
    assert end(await take(session, "again")).output == "Two."
    assert (await spoken(session))[0] == ("user", "hello")
    await desk.close(session)
    again = await desk.session(resume=session.id)
    assert [turn.outcome for turn in await again.runtime.store.journal.turns(session.id)][-1] == "completed"


# Left behind


async def test_lines_of_a_process_that_died_are_brought_in(desk: Desk, home: Path) -> None:
    desk.server.script(say("One."), say("Two."))
    session = await desk.session()
    await take(session, "first")
    await desk.close(session)
    await asyncio.to_thread(leave_line, home / "lra", "typed and never sent", session.id)

    again = await desk.session(resume=session.id)
    assert [notice for notice in again.notices if "typed but not sent" in notice]
    assert (await spoken(again))[-1] == ("user", "typed and never sent")
    assert again.record.model == session.record.model != ""
    assert list((home / "lra" / "inbox").iterdir()) == []
    await take(again, "second")
    assert "typed and never sent" in json.dumps(desk.server.requests[-1].body)
    # Once is enough.
    await desk.close(again)
    once = await desk.session(resume=session.id)
    assert [row.content for row in await rows(once)].count("typed and never sent") == 1


async def test_many_interrupted_calls_are_counted(desk: Desk) -> None:
    session = await desk.session()
    journal = session.runtime.store.journal
    turn = await journal.begin_turn(session.id, user_entry("hello"), model="")
    names = ["write_memory"] * 60 + ["create_task"]
    parts = [ToolCallPart(name, {}, tool_call_id=str(number)) for number, name in enumerate(names)]
    await journal.append(session.id, turn.id, [response_entry(ModelResponse(parts=parts))])
    (notice,) = await recover_turns(session.runtime.store, session.id)
    assert notice.endswith("effects unknown: write_memory ×60, create_task.")


async def test_lines_for_no_session_get_one_of_their_own(desk: Desk, home: Path) -> None:
    await asyncio.to_thread(leave_line, home / "lra", "half \ufffd typed")
    session = await desk.session()
    (notice,) = session.notices
    found = await session.runtime.store.sessions.find()
    other = next(record for record in found if record.id != session.id)
    assert other.id in notice
    assert [row.content for row in await session.runtime.store.journal.rows(other.id)] == ["half \ufffd typed"]


async def test_lines_of_a_living_process_are_its_own(desk: Desk, home: Path) -> None:
    inbox = Inbox(home / "lra")
    line = await asyncio.to_thread(inbox.put, "being typed")
    session = await desk.session()
    assert session.notices == []
    assert len(list((home / "lra" / "inbox").iterdir())) == 1
    await asyncio.to_thread(inbox.remove, line)
    assert list((home / "lra" / "inbox").iterdir()) == []


@pytest.mark.parametrize("rest", [b'{"id": "2", "text": "cut o', b"\xff\xfe\n", b"[]\n", b'{"id": 1}\n'])
async def test_a_torn_line_does_not_hide_the_whole_ones(desk: Desk, home: Path, rest: bytes) -> None:
    await asyncio.to_thread(leave_line, home / "lra", "whole")
    (path,) = (home / "lra" / "inbox").iterdir()
    path.write_bytes(path.read_bytes() + rest)
    session = await desk.session()
    found = await session.runtime.store.database.rows("SELECT content FROM journal")
    assert [row[0] for row in found] == ["whole"]


def test_a_line_that_does_not_fit_on_the_disk_is_not_called_kept(small_disk: Path) -> None:
    inbox = Inbox(small_disk)
    inbox.put("fits")
    fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        inbox.put("x" * 200_000)
    (path,) = (small_disk / "inbox").iterdir()
    assert [json.loads(line)["text"] for line in path.read_text().splitlines()] == ["fits"]


# A broken record


async def test_a_database_that_is_none(desk: Desk, home: Path) -> None:
    (home / "lra").mkdir()
    (home / "lra" / "agent_memory.db").write_bytes(b"no database " * 1000)
    with pytest.raises(StoreError, match="corrupt"):
        await desk.runtime()


async def test_two_databases_do_not_mix(desk: Desk, tmp_path: Path) -> None:
    desk.server.script(default=say("OK."))
    for name in ("one", "two"):
        desk.setenv(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path / name}.db")
        session = await desk.session(model=MODELS["anthropic"])
        assert await session.runtime.memory.search("Rex") == []
        await take(session, "My dog is called Rex.")
        await desk.close(session)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'one'}.db")
    assert len(await database.rows("SELECT id FROM sessions")) == 1
    await database.close()
