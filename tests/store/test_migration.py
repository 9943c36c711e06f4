"""Databases of every origin: created, recognised, or refused untouched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lra.errors import ConfigError, ExitCode, StoreError
from lra.store import StructuredMemoryStore
from lra.store.migrate import HEAD
from lra.store.migrations.versions import v0001_first_schema
from lra.store.tables import metadata
from tests.store.support import digest, execute, python

Make = Callable[..., StructuredMemoryStore]


def tables(path: Path) -> dict[str, set[str]]:
    """Tables and their columns."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}


async def test_a_new_database_has_what_the_queries_expect(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.init_db()
    await store.close()
    found = tables(path)
    for table in metadata.tables.values():
        assert found[table.name] == {column.name for column in table.columns}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not list(path.parent.glob("*.backup-*"))


async def test_a_database_of_the_first_schema_is_backed_up_and_migrated(open_store: Make, path: Path) -> None:
    path.parent.mkdir()
    execute(
        path,
        *v0001_first_schema.STATEMENTS,
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('0001')",
        "INSERT INTO sessions(id, created_at, updated_at) VALUES ('s', 1, 1)",
        "INSERT INTO tasks(id, title, created_at, updated_at) VALUES ('t', 'old', 1, 1)",
        "INSERT INTO turns(session_id, number, started_at) VALUES ('s', 1, 1)",
        "INSERT INTO memories(id, content, content_hash, turn_id, created_at, updated_at)"
        " VALUES ('m', 'kept fact', 'h', 1, 1, 1)",
        "INSERT INTO memory_history(memory_id, action, content, actor, process, turn_id, at)"
        " VALUES ('m', 'created', 'kept fact', 'tool', 'p', 1, 1)",
    )
    store = open_store()
    assert (await store.tasks.update("t", status="done")).title == "old"
    found = tables(path)
    for table in metadata.tables.values():
        assert found[table.name] == {column.name for column in table.columns}
    (backup,) = path.parent.glob("*.backup-0001-*")
    assert backup.stat().st_mode & 0o777 == 0o600
    assert "task_history" not in tables(backup)
    # What was written before has enough to be undone by.
    undone = await store.undoing.rewind("s", 1, also_written=True)
    assert [(memory.action, memory.content) for memory in undone.memories] == [("removed", "kept fact")]
    assert await store.memories.find() == []


async def test_an_empty_file_counts_as_new(open_store: Make, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = open_store()
    await store.append_conversation("s", "user", "hello")
    assert [line["content"] for line in await store.get_conversations("s")] == ["hello"]


async def test_a_current_database_is_opened_without_the_migration_tools(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "hello")
    await store.close()
    code = """
import asyncio, sys
from lra.store import StructuredMemoryStore

async def main():
    store = StructuredMemoryStore(f"sqlite+aiosqlite:///{sys.argv[1]}")
    print([line["content"] for line in await store.get_conversations("s")], "alembic" in sys.modules)
    await store.close()

asyncio.run(main())
"""
    assert python(code, str(path)) == "['hello'] False\n"


async def test_a_newer_database_is_refused_untouched(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "hello")
    await store.close()
    execute(path, "UPDATE alembic_version SET version_num = '9999'", "PRAGMA wal_checkpoint(TRUNCATE)")
    before, files = digest(path), sorted(path.parent.iterdir())

    with pytest.raises(ConfigError) as caught:
        await open_store().init_db()
    assert caught.value.exit_code is ExitCode.CONFIG
    assert "9999" in str(caught.value)
    assert str(path) in str(caught.value)
    assert digest(path) == before
    assert [file for file in sorted(path.parent.iterdir()) if "backup" in file.name] == []
    assert set(files) <= set(path.parent.iterdir())


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_another_programs_database_is_refused_untouched(open_store: Make, path: Path, mode: str) -> None:
    path.parent.mkdir()
    execute(path, f"PRAGMA journal_mode = {mode}", "CREATE TABLE recipes(name)", "INSERT INTO recipes VALUES ('soup')")
    before = digest(path)
    with pytest.raises(StoreError, match="another program"):
        await open_store().init_db()
    assert digest(path) == before
    assert tables(path) == {"recipes": {"name"}}


async def test_a_half_made_database_is_refused(open_store: Make, path: Path) -> None:
    store = open_store()
    await store.init_db()
    await store.close()
    execute(path, "DELETE FROM alembic_version")
    with pytest.raises(StoreError):
        await open_store().init_db()


async def test_a_restored_copy_is_as_good_as_the_original(open_store: Make, path: Path, tmp_path: Path) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "hello")
    copy = tmp_path / "copy.db"
    await store.database.backup(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    restored = open_store(copy)
    await restored.append_conversation("s", "user", "again")
    assert [line["content"] for line in await restored.get_conversations("s")] == ["hello", "again"]
    assert await restored.database.check() is None
    await restored.close()
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
