"""Whole records in: rows as they stand, many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from lra.store import fts, queue
from lra.store.clock import now_us
from lra.store.journal import content_hash
from lra.store.memories import indexed_text


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLine:
    """What a session says of itself, beyond what its turns tell."""

    id: str
    title: str = ""
    title_source: str = "none"
    model: str = ""
    agent: str = "lra"
    folder: str = ""
    origin: str = "import"
    parent_id: str | None = None
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class VectorLine:
    """A stored vector: float32, little-endian, L2-normalised."""

    content_hash: str
    fingerprint: str
    vector: bytes


def known(connection: Connection, table: str, ids: Sequence[str]) -> dict[str, str]:
    """Return the contents of the rows of `journal` or `memories` that have these ids."""
    marks = ", ".join("?" * len(ids))
    rows: Iterable[Any] = connection.exec_driver_sql(
        f"SELECT id, content FROM {table} WHERE id IN ({marks})", tuple(ids)
    )
    return {row[0]: row[1] for row in rows}


def known_sessions(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of these sessions exist."""
    query = "SELECT id FROM sessions WHERE id IN (SELECT value FROM json_each(?))"
    return set(connection.exec_driver_sql(query, (json.dumps(list(ids)),)).scalars())


def known_vectors(connection: Connection, lines: Sequence[VectorLine]) -> set[tuple[str, str]]:
    """Return the hashes and embedders of those of these vectors that are there."""
    query = "SELECT content_hash, fingerprint FROM vectors WHERE content_hash IN (SELECT value FROM json_each(?))"
    hashes = json.dumps([line.content_hash for line in lines])
    return {(row[0], row[1]) for row in connection.exec_driver_sql(query, (hashes,))}


def forgotten(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return which of these memories were here and forgotten."""
    query = (
        "SELECT memory_id FROM memory_history WHERE memory_id IN (SELECT value FROM json_each(?))"
        " AND action = 'forgotten' AND memory_id NOT IN (SELECT id FROM memories)"
    )
    return set(connection.exec_driver_sql(query, (json.dumps(list(ids)),)).scalars())


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
    opened = _open_turns(connection, lines)
    seq = _next_seq(connection, "journal")
    rows, searchable, ids = [], [], []
    for number, line in enumerate(lines, seq):
        indexed = bool(line.content.strip())
        digest = content_hash(line.content) if indexed else None
        kept = (number, line.id, line.session, opened[line.id], line.role, line.speaker, line.content)
        rows.append((*kept, digest, line.created_at))
        if indexed:
            searchable.append((number, f"{line.speaker}: {line.content}" if line.speaker else line.content))
            ids.append(line.id)
    connection.exec_driver_sql(
        "INSERT INTO journal(seq, id, session_id, turn_id, role, speaker, content, content_hash, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    fts.index_rows(connection, "journal", searchable)
    queue.enqueue(connection, "turn", ids)


def _open_turns(connection: Connection, lines: Sequence[TurnLine]) -> dict[str, int | None]:
    """Give every line between a person and an assistant its turn; a conversation among others has none.

    Returns:
        The turn's id by the line's, None for lines outside any turn.
    """
    names = json.dumps(sorted({line.session for line in lines if line.speaker is None}))
    latest: Iterable[Any] = connection.exec_driver_sql(
        "SELECT session_id, max(id), max(number) FROM turns WHERE session_id IN (SELECT value FROM json_each(?))"
        " GROUP BY session_id",
        (names,),
    )
    current = {row[0]: (int(row[1]), int(row[2])) for row in latest}
    turn_id = _next_seq(connection, "turns")
    opened: dict[str, int | None] = {}
    new: dict[int, list[Any]] = {}
    for line in lines:
        if line.speaker is not None:
            opened[line.id] = None
            continue
        before, number = current.get(line.session, (0, 0))
        if line.role == "user" or not before:
            current[line.session] = (turn_id, number + 1)
            new[turn_id] = [line.session, number + 1, line.created_at, line.created_at]
            turn_id += 1
        elif before in new:
            new[before][3] = line.created_at
        opened[line.id] = current[line.session][0]
    if new:
        connection.exec_driver_sql(
            "INSERT INTO turns(id, session_id, number, outcome, started_at, ended_at)"
            " VALUES (?, ?, ?, 'completed', ?, ?)",
            [(key, *values) for key, values in new.items()],
        )
    return opened


def insert_sessions(connection: Connection, lines: Sequence[SessionLine]) -> int:
    """Add sessions that are not there yet, and say how many; a parent must be there or come first."""
    added = 0
    for line in lines:
        names = tuple(SessionLine.__dataclass_fields__)
        values = tuple(getattr(line, name) for name in names)
        marks = ["(SELECT id FROM sessions WHERE id = ?)" if name == "parent_id" else "?" for name in names]
        added += connection.exec_driver_sql(
            f"INSERT OR IGNORE INTO sessions({', '.join(names)}) VALUES ({', '.join(marks)})", values
        ).rowcount
    return added


def insert_vectors(connection: Connection, lines: Sequence[VectorLine]) -> None:
    """Add vectors; those that are there stay."""
    if lines:
        connection.exec_driver_sql(
            "INSERT OR IGNORE INTO vectors(content_hash, fingerprint, vector) VALUES (?, ?, ?)",
            [(line.content_hash, line.fingerprint, line.vector) for line in lines],
        )


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
        f"INSERT INTO memory_history(memory_id, {', '.join(_PAST)}) VALUES (?, {', '.join('?' * len(_PAST))})",
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
    "agent": None,
    "local_only": 0,
}
_COLUMNS = tuple(_DEFAULTS)


def _ordered(values: dict[str, Any]) -> list[Any]:
    return [values[name] for name in _COLUMNS]


_PAST: dict[str, Any] = {
    "action": "imported",
    "content": "",
    "actor": "import",
    "process": "",
    "session_id": None,
    "at": 0,
    "was": None,
    "tool_call_id": None,
    "undone": 0,
}


def _history(change: dict[str, Any]) -> list[Any]:
    return [change.get(name, default) for name, default in _PAST.items()]
