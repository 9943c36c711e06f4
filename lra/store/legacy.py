"""Importing the database of the original program, whose tables were conversations, tasks, summaries and audit_logs."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select, update

from lra.errors import StoreError
from lra.store.clock import now_us, parse_time
from lra.store.journal import append_entries
from lra.store.memories import insert_memory, record_change
from lra.store.records import TASK_STATUSES, Entry, NewMemory, Role
from lra.store.structured import StructuredMemoryStore
from lra.store.tables import journal, memory_history, sessions, tasks, turns
from lra.text import clean_text, one_line

T = TypeVar("T")

_BATCH = 500

TABLES = frozenset({"conversations", "tasks", "summaries", "audit_logs"})

_STATUSES = {
    "completed": "done",
    "complete": "done",
    "finished": "done",
    "failed": "cancelled",
    "canceled": "cancelled",
}
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "tool": "tool", "system": "system"}


@dataclass(frozen=True, slots=True)
class LegacyReport:
    """What an import brought; what was there already counts as known."""

    sessions: int
    turns: int
    tasks: int
    memories: int
    known: int


@dataclass(frozen=True, slots=True)
class _Line:
    id: str
    session: str
    role: str
    content: str
    at: int


def is_legacy(path: Path) -> bool:
    """Tell whether a file is a database of the original program."""
    try:
        with closing(_connect(path)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except (sqlite3.Error, OSError):
        return False
    names = {name for (name,) in rows}
    return names >= TABLES and "alembic_version" not in names


async def import_legacy(store: StructuredMemoryStore, path: Path, *, dry_run: bool = False) -> LegacyReport:
    """Copy conversations, tasks and summaries into the record; the old file is only read.

    Every row has an id derived from what it says, so that a second import adds only what is new. What was forgotten
    since stays forgotten.

    Args:
        store: Where to.
        path: The old database.
        dry_run: Whether to count only, and take everything back.

    Raises:
        StoreError: The old database cannot be read.
    """
    await asyncio.to_thread(_check, path)

    def work(connection: Connection) -> LegacyReport:
        with connection.begin_nested() as changes, closing(_connect(path)) as old:
            report = _copy(connection, _Source(path, old))
            if dry_run:
                changes.rollback()
            return report

    return await store.database.write(work)


class _Source:
    """The tables of the old database, read row by row."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._connection.row_factory = sqlite3.Row

    def rows(self, table: str) -> Iterator[dict[str, Any]]:
        """Give the rows of a table in the order they were written."""
        with _readable(self._path):
            for row in self._connection.execute(f"SELECT * FROM {table} ORDER BY rowid"):
                yield {key: row[key] for key in row.keys()}  # noqa: SIM118 (a Row is no mapping)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path} cannot be imported: {error}.", hint="Nothing was changed.") from error


def _check(path: Path) -> None:
    """Find out that the old database can be read before the record is locked."""
    with _readable(path), closing(_connect(path)) as connection:
        for table in ("conversations", "summaries", "tasks"):
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()


def _copy(connection: Connection, source: _Source) -> LegacyReport:
    names = _session_names(source)
    new_sessions = _add_sessions(connection, source, names)
    known = new_turns = memories = new_tasks = 0
    for batch in _batches(_lines(source, "conversations", names)):
        added = _add_lines(connection, batch)
        new_turns, known = new_turns + added, known + len(batch) - added
    for rows in _batches(source.rows("tasks")):
        added = _add_tasks(connection, rows, names)
        new_tasks, known = new_tasks + added, known + len(rows) - added
    for batch in _batches(_lines(source, "summaries", names)):
        added = _add_memories(connection, batch)
        memories, known = memories + added, known + len(batch) - added
    return LegacyReport(new_sessions, new_turns, new_tasks, memories, known)


def _batches(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, _BATCH)):
        yield batch


def _connect(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
    # Whatever bytes are in there, they must not end the import.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _text(value: object) -> str:
    return clean_text("" if value is None else str(value))


def _time(value: object) -> int | None:
    try:
        return parse_time(str(value))
    except (ValueError, OverflowError):
        return None


def _stable(*parts: object) -> str:
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).hexdigest()[:20]


def _session_names(source: _Source) -> dict[str, str]:
    """Give each old session an id of its own: most were called `default`, in every folder."""
    first: dict[str, str] = {}
    for table, moment in (("conversations", "timestamp"), ("summaries", "created_at"), ("tasks", "created_at")):
        for row in source.rows(table):
            name = _text(row.get("session_id")) or "default"
            first.setdefault(name, f"{name}-{_stable(name, table, row.get('id'), row.get(moment))[:6]}")
    return first


def _lines(source: _Source, table: str, names: dict[str, str]) -> Iterator[_Line]:
    moment = "timestamp" if table == "conversations" else "created_at"
    last = 0
    for row in source.rows(table):
        session = names[_text(row.get("session_id")) or "default"]
        content = _text(row.get("content"))
        # A row without a readable time was written after the one before it.
        last = _time(row.get(moment)) or last or now_us()
        row_id = _stable(table, session, row.get("id"), row.get("role"), row.get("content"), row.get(moment))
        yield _Line(row_id, session, _text(row.get("role")), content, last)


def _add_sessions(connection: Connection, source: _Source, names: dict[str, str]) -> int:
    titles: dict[str, str] = {}
    spans: dict[str, tuple[int, int]] = {}
    for line in chain(_lines(source, "conversations", names), _lines(source, "summaries", names)):
        first, last = spans.get(line.session, (line.at, line.at))
        spans[line.session] = (min(first, line.at), max(last, line.at))
        if line.role == "user" and line.content.strip():
            titles.setdefault(line.session, one_line(line.content, 60))
    added = 0
    for old, name in names.items():
        first, last = spans.get(name) or (now_us(),) * 2
        values = {
            "id": name,
            "title": titles.get(name) or old,
            "title_source": "auto",
            "origin": "import",
            "created_at": first,
            "updated_at": last,
        }
        result = connection.execute(insert(sessions).prefix_with("OR IGNORE"), values)
        added += result.rowcount
        if not result.rowcount:
            newest = func.max(sessions.c.updated_at, last)
            connection.execute(update(sessions).where(sessions.c.id == name).values(updated_at=newest))
    return added


def _known(connection: Connection, column: Any, ids: Iterable[str]) -> set[str]:
    wanted, found = list(ids), set()
    for start in range(0, len(wanted), 500):
        rows = connection.execute(select(column).where(column.in_(wanted[start : start + 500])))
        found |= set(rows.scalars())
    return found


def _add_lines(connection: Connection, lines: Sequence[_Line]) -> int:
    """Add spoken lines; each line of the person opens a turn."""
    known = _known(connection, journal.c.id, (line.id for line in lines))
    new = [line for line in lines if line.id not in known]
    current: dict[str, int] = {}
    for line in new:
        if line.role != "user" and line.session not in current:
            latest = select(func.max(turns.c.id)).where(turns.c.session_id == line.session)
            if (turn_id := connection.execute(latest).scalar()) is not None:
                current[line.session] = turn_id
        if line.role == "user" or line.session not in current:
            current[line.session] = _open_turn(connection, line)
        role = _ROLES.get(line.role, "system")
        entry = Entry(
            id=line.id,
            role=role,
            speaker=line.role if role == "system" and line.role not in {"", "system"} else None,
            content=line.content,
            created_at=line.at,
        )
        append_entries(connection, line.session, current[line.session], [entry])
        ended = update(turns).where(turns.c.id == current[line.session]).values(ended_at=line.at)
        connection.execute(ended)
    return len(new)


def _open_turn(connection: Connection, line: _Line) -> int:
    counting = select(func.count()).select_from(turns).where(turns.c.session_id == line.session)
    number = connection.execute(counting.where(turns.c.rewound_at.is_(None))).scalar_one() + 1
    values = {"session_id": line.session, "number": number, "outcome": "completed", "started_at": line.at}
    result = connection.execute(insert(turns), values)
    return int(result.inserted_primary_key[0])  # type: ignore[index]


def _add_tasks(connection: Connection, rows: Sequence[dict[str, Any]], names: dict[str, str]) -> int:
    added = 0
    for row in rows:
        session = names[_text(row.get("session_id")) or "default"]
        created = _time(row.get("created_at")) or now_us()
        status = _text(row.get("status")).strip().lower().replace(" ", "_")
        status = _STATUSES.get(status, status)
        old_id = _text(row.get("id"))
        values = {
            # The old id was unique in its own file alone.
            "id": f"{old_id}-{_stable(session, old_id)[:6]}" if old_id else _stable(session, row.get("title")),
            "session_id": session,
            "title": one_line(_text(row.get("title")), 10_000) or "Untitled",
            "status": status if status in TASK_STATUSES else "pending",
            "metadata": json.dumps(_metadata(row.get("metadata_json"))),
            "created_at": created,
            "updated_at": _time(row.get("updated_at")) or created,
        }
        added += connection.execute(insert(tasks).prefix_with("OR IGNORE"), values).rowcount
    return added


def _metadata(value: object) -> dict[str, Any]:
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        read = {"text": _text(value)}
    return read if isinstance(read, dict) else {}


def _add_memories(connection: Connection, lines: Sequence[_Line]) -> int:
    """Keep summaries as memories; the original program wrote its facts there too."""
    # The history remembers what was imported before, also what was forgotten since.
    known = _known(connection, memory_history.c.memory_id, (line.id for line in lines))
    new = [line for line in lines if line.id not in known and line.content.strip()]
    for line in new:
        memory = NewMemory(
            id=line.id,
            content=line.content.strip(),
            kind="fact",
            source="import",
            session_id=line.session,
            created_at=line.at,
        )
        insert_memory(connection, memory)
        record_change(connection, line.id, "imported", memory.content, "import", memory)
    return len(new)
