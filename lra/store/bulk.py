"""Whole records in and out: rows as they stand, many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from lra.store import fts, queue
from lra.store.clock import now_us
from lra.store.database import Database
from lra.store.journal import content_hash
from lra.store.memories import indexed_text, record_of
from lra.store.records import HistoryRow, JournalRow, MemoryRecord
from lra.store.tables import journal, memories, memory_history


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLine:
    """A spoken row that comes with its id."""

    id: str
    session: str
    role: str
    speaker: str | None
    content: str
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FactLine:
    """A memory that comes with its id and, perhaps, its history."""

    id: str
    content: str
    created_at: int
    values: dict[str, Any]
    """The other columns of `memories` that are not their defaults, as the table holds them."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `memory_history` without `seq` and `memory_id`."""


def known(connection: Connection, table: str, ids: Sequence[str]) -> dict[str, str]:
    """Return the contents of the rows of `journal` or `memories` that have these ids."""
    marks = ", ".join("?" * len(ids))
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT id, content FROM {table} WHERE id IN ({marks})", tuple(ids)
    )
    return {row[0]: row[1] for row in rows}


def _next_seq(connection: Connection, table: str) -> int:
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    found: Any = connection.exec_driver_sql(query, (table,)).first()
    return int(found[0]) + 1 if found else 1


def _ensure_sessions(connection: Connection, moments: Iterable[tuple[str, int]]) -> None:
    spans: dict[str, tuple[int, int]] = {}
    for session, at in moments:
        first, last = spans.get(session, (at, at))
        spans[session] = (min(first, at), max(last, at))
    if spans:
        connection.exec_driver_sql(
            "INSERT INTO sessions(id, origin, created_at, updated_at) VALUES (?, 'import', ?, ?)"
            " ON CONFLICT(id) DO UPDATE SET created_at = min(created_at, excluded.created_at),"
            " updated_at = max(updated_at, excluded.updated_at) WHERE origin = 'import'",
            [(session, first, last) for session, (first, last) in spans.items()],
        )


def insert_turns(connection: Connection, lines: Sequence[TurnLine]) -> None:
    """Add spoken rows with their sessions, full-text and outbox entries."""
    if not lines:
        return
    _ensure_sessions(connection, ((line.session, line.created_at) for line in lines))
    seq = _next_seq(connection, "journal")
    rows, searchable, ids = [], [], []
    for number, line in enumerate(lines, seq):
        indexed = bool(line.content.strip())
        digest = content_hash(line.content) if indexed else None
        rows.append((number, line.id, line.session, line.role, line.speaker, line.content, digest, line.created_at))
        if indexed:
            searchable.append((number, f"{line.speaker}: {line.content}" if line.speaker else line.content))
            ids.append(line.id)
    connection.exec_driver_sql(
        "INSERT INTO journal(seq, id, session_id, role, speaker, content, content_hash, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    fts.index_rows(connection, "journal", searchable)
    queue.enqueue(connection, "turn", ids)


def insert_facts(connection: Connection, lines: Sequence[FactLine], *, process: str) -> None:
    """Add memories with their history, full-text and outbox entries; nothing is merged."""
    if not lines:
        return
    sessions = ((line.values["session_id"], line.created_at) for line in lines if line.values.get("session_id"))
    _ensure_sessions(connection, sessions)
    seq, now = _next_seq(connection, "memories"), now_us()
    rows, searchable, live, past = [], [], [], []
    for number, line in enumerate(lines, seq):
        values = {**_DEFAULTS, "updated_at": line.created_at, **line.values}
        rows.append((number, line.id, line.content, content_hash(line.content), line.created_at, *_ordered(values)))
        tags = json.loads(values["tags"])
        searchable.append((number, indexed_text(line.content, values["key"], tags)))
        if values["superseded_by"] is None:
            live.append(line.id)
        imported = {"action": "imported", "content": line.content, "actor": "import", "process": process, "at": now}
        past += [(line.id, *_history(change)) for change in line.history or [imported]]
    columns = ", ".join(_COLUMNS)
    connection.exec_driver_sql(
        f"INSERT INTO memories(seq, id, content, content_hash, created_at, {columns})"
        f" VALUES (?, ?, ?, ?, ?, {', '.join('?' * len(_COLUMNS))})",
        rows,
    )
    connection.exec_driver_sql(
        "INSERT INTO memory_history(memory_id, action, content, actor, process, session_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        past,
    )
    fts.index_rows(connection, "memories", searchable)
    queue.enqueue(connection, "memory", live)


_DEFAULTS: dict[str, Any] = {
    "namespace": "default",
    "kind": "fact",
    "key": None,
    "tags": "[]",
    "pin": 0,
    "confidence": 1.0,
    "count": 1,
    "source": "import",
    "session_id": None,
    "updated_at": 0,
    "valid_from": None,
    "valid_to": None,
    "superseded_by": None,
    "metadata": "{}",
}
_COLUMNS = tuple(_DEFAULTS)


def _ordered(values: dict[str, Any]) -> list[Any]:
    return [values[name] for name in _COLUMNS]


def _history(change: dict[str, Any]) -> tuple[Any, ...]:
    return (
        change["action"],
        change["content"],
        change["actor"],
        change["process"],
        change.get("session_id"),
        change["at"],
    )


class BulkReader:
    """Reads whole tables page by page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def turns(self, *, after: int, limit: int) -> list[JournalRow]:
        """Return visible spoken rows after a sequence number, in order."""
        query = (
            select(*[journal.c[name] for name in JournalRow.__dataclass_fields__])
            .where(journal.c.seq > after, journal.c.hidden == 0, journal.c.role.in_(("user", "assistant")))
            .where(journal.c.content != "")
            .order_by(journal.c.seq)
            .limit(limit)
        )
        return [JournalRow(**row._mapping) for row in await self._database.rows(query)]

    async def memories(self, *, after: int, limit: int) -> list[MemoryRecord]:
        """Return memories after a sequence number, superseded ones included, in order."""
        query = (
            select(*[memories.c[name] for name in MemoryRecord.__dataclass_fields__])
            .where(memories.c.seq > after)
            .order_by(memories.c.seq)
            .limit(limit)
        )
        return [record_of(row) for row in await self._database.rows(query)]

    async def histories(self, ids: Sequence[str]) -> dict[str, list[HistoryRow]]:
        """Return the history of each of these memories, oldest first."""
        query = (
            select(*[memory_history.c[name] for name in HistoryRow.__dataclass_fields__])
            .where(memory_history.c.memory_id.in_(ids))
            .order_by(memory_history.c.seq)
        )
        found: dict[str, list[HistoryRow]] = {}
        for row in await self._database.rows(query):
            found.setdefault(row.memory_id, []).append(HistoryRow(**row._mapping))
        return found
