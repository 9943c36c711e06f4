"""Disks and files in trouble: one clear sentence, the right exit code, and nothing made worse."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection

from lra.errors import BusyError, ConfigError, ExitCode, StoreError
from lra.store import StructuredMemoryStore
from lra.store.database import Database
from tests.store.support import Locked, digest, fill

Make = Callable[..., StructuredMemoryStore]


def add_row(connection: Connection) -> None:
    """Write something."""
    connection.exec_driver_sql("INSERT INTO audit_log(run_id, event_type, payload, at) VALUES ('', 'x', '{}', 0)")


async def contents(store: StructuredMemoryStore) -> list[str]:
    """What was said in the session `s`."""
    return [line["content"] for line in await store.get_conversations("s")]


# Files


@pytest.mark.parametrize(
    "content", [b"this is no database, " * 100, os.urandom(8192), b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_corrupt_file_is_named_and_left_as_it_is(open_store: Make, path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    before = digest(path)
    store = open_store()
    with pytest.raises(StoreError) as caught:
        await store.append_conversation("s", "user", "hello")
    assert caught.value.exit_code is ExitCode.FAILED
    assert str(path) in str(caught.value)
    assert "corrupt" in str(caught.value)
    assert digest(path) == before


async def test_damage_inside_a_file_is_noticed(open_store: Make, path: Path) -> None:
    store = open_store()
    for number in range(200):
        await store.append_conversation("s", "user", f"line {number} " * 20)
    assert await store.database.check() is None
    await store.close()
    with path.open("r+b") as file:
        for offset in range(8192, path.stat().st_size, 4096):
            file.seek(offset)
            file.write(b"\xa5" * 2048)
    damaged = open_store()
    assert await damaged.database.check()
    with pytest.raises(StoreError, match="corrupt"):
        await contents(damaged)


@pytest.mark.parametrize("place", ["a_file/memory.db", "a_folder"])
async def test_a_path_that_cannot_be_a_database(open_store: Make, tmp_path: Path, place: str) -> None:
    (tmp_path / "a_file").write_text("x")
    (tmp_path / "a_folder").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        await open_store(tmp_path / place).init_db()


@pytest.mark.parametrize("url", ["postgresql+asyncpg://me:secret@host/db", "sqlite+aiosqlite://", "mysql:///x"])
def test_another_kind_of_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Database(url)
    assert "secret" not in str(caught.value)


async def test_only_the_owner_may_read_what_was_said(open_store: Make, path: Path) -> None:
    old = os.umask(0)
    try:
        store = open_store()
        await store.append_conversation("s", "user", "hello")
        modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        folder = path.parent.stat().st_mode & 0o777
    finally:
        os.umask(old)
    assert modes == {"memory.db": 0o600, "memory.db-wal": 0o600, "memory.db-shm": 0o600}
    assert folder == 0o700


# Disks


async def test_a_full_disk(open_store: Make, small_disk: Path) -> None:
    store = open_store(small_disk / "memory.db")
    await store.append_conversation("s", "user", "before")
    filler = fill(small_disk)
    with pytest.raises(StoreError) as caught:
        await store.append_conversation("s", "user", "x" * 1_000_000)
    assert "full" in str(caught.value)
    assert "Free some space" in str(caught.value)
    assert (await contents(store))[0] == "before"
    filler.unlink()
    await store.append_conversation("s", "user", "after")
    assert (await contents(store))[-1] == "after"
    assert await store.database.check() is None


async def test_a_disk_that_is_full_from_the_start(open_store: Make, small_disk: Path) -> None:
    filler = fill(small_disk)
    store = open_store(small_disk / "memory.db")
    with pytest.raises(StoreError, match="full"):
        await store.append_conversation("s", "user", "x")
    filler.unlink()
    await store.append_conversation("s", "user", "after")
    assert await contents(store) == ["after"]


async def test_a_read_only_disk(open_store: Make, small_disk: Path) -> None:
    path = small_disk / "memory.db"
    store = open_store(path)
    await store.append_conversation("s", "user", "before")
    await store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        with pytest.raises(StoreError) as caught:
            await open_store(path).append_conversation("s", "user", "after")
        with pytest.raises(StoreError):
            await open_store(small_disk / "new" / "memory.db").init_db()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    again = open_store(path)
    assert await contents(again) == ["before"]


# Other processes


async def test_a_lock_is_waited_for_but_not_for_ever(open_store: Make, path: Path) -> None:
    await open_store().append_conversation("s", "user", "before")
    database = Database(f"sqlite+aiosqlite:///{path}", busy_seconds=0.2)
    await database.open()
    locked = await asyncio.to_thread(Locked(path).__enter__)
    try:
        with pytest.raises(BusyError) as caught:
            await database.write(add_row)
        assert caught.value.exit_code is ExitCode.TEMPORARY
        assert str(path) in str(caught.value)
        # Who only reads is not kept out.
        (row,) = await database.rows("SELECT count(*) FROM journal")
        assert row[0] == 1
    finally:
        await asyncio.to_thread(locked.__exit__, None, None, None)
    await database.write(add_row)
    await database.close()


async def test_a_lock_that_goes_in_time_is_not_noticed(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "before")
    locked = await asyncio.to_thread(Locked(path).__enter__)
    writing = asyncio.create_task(store.append_conversation("s", "user", "after"))
    await asyncio.sleep(0.2)
    assert not writing.done()
    await asyncio.to_thread(locked.__exit__, None, None, None)
    await writing
    assert await contents(store) == ["before", "after"]


async def test_a_failed_write_leaves_nothing_behind_and_the_next_one_works(open_store: Make) -> None:
    store = open_store()
    await store.ensure_session("s")

    def fail(connection: Connection) -> None:
        add_row(connection)
        raise LookupError("a defect")

    with pytest.raises(LookupError):
        await store.database.write(fail)
    assert await store.audit.find() == []
    await store.append_audit_log("run", "s", "done", {"ok": True})
    assert [event["payload"] for event in await store.audit.find()] == [{"ok": True}]
