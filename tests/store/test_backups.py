"""Backups: consistent, checked, private, found again; a restore happens as a whole or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lra.errors import BusyError, ConfigError, LraError, StoreError, UsageError
from lra.store import NewMemory, StructuredMemoryStore
from lra.store import backups as backing
from lra.store.restoring import inspect, restore
from tests.store.support import execute

Make = Callable[..., StructuredMemoryStore]


async def remember(store: StructuredMemoryStore, *texts: str) -> None:
    for text in texts:
        await store.memories.add(NewMemory(content=text))


async def remembered(store: StructuredMemoryStore) -> list[str]:
    return [record.content for record in await store.memories.find()]


async def test_a_backup_is_private_whole_and_found_again(open_store: Make, path: Path, tmp_path: Path) -> None:
    store = open_store()
    await remember(store, "tea", "coffee")
    beside, held = await asyncio.to_thread(backing.make, path)
    away = tmp_path / "elsewhere" / "copy"
    away.parent.mkdir()
    await asyncio.to_thread(backing.make, path, away)
    assert held == {"sessions": 0, "messages": 0, "memories": 2, "tasks": 0}
    found = await asyncio.to_thread(backing.backups, path)
    assert set(found) == {beside.path, away}
    assert {file.stat().st_mode & 0o777 for file in [*found, path.with_name(f"{path.name}.backups")]} == {0o600}
    assert await remembered(open_store(away)) == ["coffee", "tea"]
    away.unlink()
    assert await asyncio.to_thread(backing.backups, path) == [beside.path]
    assert not [file for file in path.parent.iterdir() if "partial" in file.name]


async def test_a_backup_made_while_others_write_is_sound(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "first")
    stop = threading.Event()

    def write() -> int:
        count = 0
        with closing(sqlite3.connect(path, isolation_level=None, timeout=10)) as connection:
            while not stop.is_set():
                connection.execute("BEGIN IMMEDIATE")
                for _ in range(20):
                    connection.execute("INSERT INTO audit_log(event_type, at) VALUES (?, 1)", ("x" * 500,))
                connection.execute("COMMIT")
                count += 20
        return count

    writing = asyncio.create_task(asyncio.to_thread(write))
    made = [(await asyncio.to_thread(backing.make, path))[0].path for _ in range(5)]
    stop.set()
    assert await writing > 0
    for copy in made:
        with closing(sqlite3.connect(copy)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            # Every transaction is in it as a whole.
            assert connection.execute("SELECT count(*) FROM audit_log").fetchone()[0] % 20 == 0


async def test_those_nobody_asked_for_are_pruned(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "tea")
    asked = await asyncio.to_thread(backing.make, path)
    for _ in range(backing.KEPT + 2):
        await asyncio.to_thread(lambda: backing.make(path, why="0001"))
    found = await asyncio.to_thread(backing.described, path)
    assert [backup.why for backup in found].count("0001") == backing.KEPT
    assert asked[0].path in [backup.path for backup in found]


@pytest.mark.parametrize("kind", ["no folder", "a folder", "the database"])
async def test_a_target_that_cannot_be_written(open_store: Make, path: Path, tmp_path: Path, kind: str) -> None:
    store = open_store()
    await remember(store, "tea")
    targets = {"no folder": tmp_path / "missing" / "copy", "a folder": tmp_path, "the database": path}
    with pytest.raises(LraError, match="cannot be written"):
        await asyncio.to_thread(backing.make, path, targets[kind])
    assert await remembered(store) == ["tea"]


async def test_a_restore_brings_back_and_keeps_what_was_there(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "before")
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    await remember(store, "after")
    await store.close()
    done = await asyncio.to_thread(restore, path, copy)
    assert done.held["memories"] == 1
    assert await remembered(store) == ["before"]
    assert done.kept is not None
    assert await remembered(open_store(done.kept)) == ["after", "before"]
    assert path.stat().st_mode & 0o777 == 0o600
    # The journal of the exchange held what was there before.
    assert not path.with_name(f"{path.name}-journal").exists()
    assert await store.database.check() is None


async def test_a_restore_waits_for_nobody(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "before")
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    await remember(store, "after")
    # It is idle, and has the file open all the same.
    with pytest.raises(BusyError, match="Another process has the database"):
        await asyncio.to_thread(restore, path, copy)
    assert await remembered(store) == ["after", "before"]
    await remember(store, "later")
    assert [backup.why for backup in await asyncio.to_thread(backing.described, path)] == ["manual"]


async def test_what_was_damaged_is_moved_away(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "before")
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    await store.close()
    path.write_bytes(b"not a database at all, " * 500)
    done = await asyncio.to_thread(restore, path, copy)
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"not a database")
    assert await remembered(store) == ["before"]


async def test_a_restore_into_an_empty_home(open_store: Make, path: Path, tmp_path: Path) -> None:
    store = open_store()
    await remember(store, "before")
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    other = tmp_path / "new" / "home" / "memory.db"
    assert (await asyncio.to_thread(restore, other, copy)).kept is None
    assert await remembered(open_store(other)) == ["before"]
    assert other.stat().st_mode & 0o777 == 0o600


async def test_what_is_no_backup_is_refused(open_store: Make, path: Path, tmp_path: Path) -> None:
    store = open_store()
    await remember(store, *(f"memory {number} {'x' * 400}" for number in range(60)))
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    await store.close()
    text = tmp_path / "text"
    text.write_text("hello")
    foreign, newer, damaged = tmp_path / "foreign", tmp_path / "newer", tmp_path / "damaged"
    execute(foreign, "CREATE TABLE recipes(name)")
    newer.write_bytes(copy.read_bytes())
    execute(newer, "UPDATE alembic_version SET version_num = '9999'")
    whole = bytearray(copy.read_bytes())
    whole[len(whole) // 3 : len(whole) // 2] = os.urandom(len(whole) // 2 - len(whole) // 3)
    damaged.write_bytes(bytes(whole))
    for source, kind, sentence in (
        (tmp_path / "missing", UsageError, "cannot be read: No such file"),
        (tmp_path, UsageError, "cannot be read: Is a directory"),
        (text, UsageError, "is no backup of lra"),
        (foreign, UsageError, "of another program"),
        (newer, ConfigError, "written by a newer version of lra"),
        (damaged, StoreError, "is damaged"),
        (path, UsageError, "is the database itself"),
    ):
        with pytest.raises(kind, match=sentence):
            await asyncio.to_thread(restore, path, source)
    assert len(await remembered(store)) == 60


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from lra.store import restoring

def progress(status, remaining, total):
    if remaining * 2 < total:
        os.kill(os.getpid(), signal.SIGKILL)

def fill(connection, source):
    with restoring.connect(source, mode="ro") as backup:
        backup.backup(connection, pages=1, progress=progress)

restoring._fill = fill
restoring.restore(Path(sys.argv[1]), Path(sys.argv[2]))
"""


async def test_a_restore_that_dies_half_way_changes_nothing(open_store: Make, path: Path) -> None:
    store = open_store()
    await remember(store, "before")
    copy = (await asyncio.to_thread(backing.make, path))[0].path
    await remember(store, *(f"after {number} {'y' * 3000}" for number in range(40)))
    await store.close()
    died = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(path), str(copy)], check=False, capture_output=True
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert len(await remembered(store)) == 41
    assert await store.database.check() is None
    await store.close()
    await asyncio.to_thread(restore, path, copy)
    assert await remembered(store) == ["before"]


def test_inspecting_leaves_no_trace(path: Path, tmp_path: Path, open_store: Make) -> None:
    async def prepare() -> Path:
        store = open_store()
        await remember(store, "tea")
        made = await asyncio.to_thread(backing.make, path)
        await store.close()
        return made[0].path

    copy = asyncio.run(prepare())
    before = copy.read_bytes()
    assert inspect(copy)["memories"] == 1
    assert copy.read_bytes() == before
    assert not copy.with_name(f"{copy.name}-wal").exists()
