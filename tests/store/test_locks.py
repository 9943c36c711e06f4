"""The locks of a database stand while this process looks at its file: who leaves it must not take the log away."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lra.store import NewMemory, StructuredMemoryStore, leftovers
from lra.store.database import Database
from lra.store.records import MemoryRecord

Make = Callable[..., StructuredMemoryStore]
LEAVING = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM tasks'); c.close()"


async def visited(path: Path) -> None:
    """Let another process open the database and leave it; the last one to leave removes the log."""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", LEAVING, str(path)], check=True)


def log_of(path: Path) -> int:
    """Which file the log is."""
    return path.with_name(f"{path.name}-wal").stat().st_ino


def said(path: Path) -> list[str]:
    """What another program finds, in a file that is sound."""
    script = (
        "import json, sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "assert c.execute('PRAGMA integrity_check').fetchall() == [('ok',)];"
        "print(json.dumps([row[0] for row in c.execute('SELECT content FROM journal ORDER BY seq')]))"
    )
    found = subprocess.run([sys.executable, "-c", script, str(path)], check=True, capture_output=True)
    lines: list[str] = json.loads(found.stdout)
    return lines


async def test_forgetting_keeps_the_locks(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "before")
    record = await store.memories.put(NewMemory(content="The safe opens with 4711", session_id="s"))
    assert isinstance(record, MemoryRecord)
    assert (await store.forgetting.forget(record)).receipt.complete
    log = log_of(path)
    await visited(path)
    assert log_of(path) == log
    await store.append_conversation("s", "user", "after")
    assert await asyncio.to_thread(said, path) == ["before", "after"]


async def test_a_second_database_of_the_process_keeps_the_locks(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "before")
    second = Database(f"sqlite+aiosqlite:///{path}")
    await second.open()
    await second.close()
    log = log_of(path)
    await visited(path)
    assert log_of(path) == log
    await store.append_conversation("s", "user", "after")
    assert await asyncio.to_thread(said, path) == ["before", "after"]


def test_bytes_are_found_in_any_file_and_what_cannot_be_asked_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"x" * ((4 << 20) - 2) + "Zürich".encode())
    (tmp_path / "b").write_bytes(b"nothing")
    paths = [str(tmp_path / name) for name in ("a", "b", "missing")]
    assert leftovers.holding(paths, ["Zürich", "never"]) == 1
    assert leftovers.holding(paths, ["never"]) == 0
    assert leftovers.holding(paths, []) == 0
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert leftovers.holding(paths, ["never"]) == 3
