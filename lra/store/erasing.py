"""Erasing in one database: rows go, and the words leave every table and index that held them.

Only columns of the first schema are used without looking, so that old backups are erased by the same statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lra.store import fts, queue
from lra.store.clock import now_us
from lra.store.erasure import Erasure
from lra.store.journal import content_hash
from lra.store.processes import this_process
from lra.store.redaction import MARK, redact_payload
from lra.store.sessions import SPECIALIST
from lra.store.spans import Span, clear, span_of, still_mentioned
from lra.store.sqlite import raw
from lra.store.tables import journal, memories, memory_history


@dataclass(frozen=True, slots=True)
class Erased:
    """What went from one database."""

    rows: int
    """Messages, memories, titles and tasks that held its words."""
    sessions: int
    """Conversations they were in."""
    still_mentioned: int
    """Messages and memories that share its telling words and were left alone."""


def erase(connection: Connection, erasure: Erasure, *, actor: str = "user", count: bool = True) -> Erased:
    """Remove what is to be forgotten and every copy of its words, within the caller's transaction.

    In the conversation it came from, sentences that say the same in other words go too. A text that could mean
    anything elsewhere, such as a single word, is replaced in that conversation alone. Doing it twice changes nothing.

    Args:
        connection: The transaction, on the record or on a backup of it.
        erasure: What to forget.
        actor: Who asked.
        count: Whether to count what may still mention it.

    Returns:
        What went with it, and how much may still mention it.
    """
    rows, touched, hashes = 0, set[str](), set[str]()
    spans = [span_of(connection, target) for target in erasure.targets]
    for work in spans:
        target = work.record
        _remove(work, actor)
        if target.content.strip() and target.content != MARK:
            clear(
                work,
                task_history=bool(columns(connection, "task_history")),
                history_columns=columns(connection, "memory_history"),
            )
        rows += work.rows
        touched |= work.touched
        hashes |= work.hashes
    for session in erasure.sessions:
        hashes |= _drop_session(connection, session)
    if erasure.before is not None:
        hashes |= _drop_before(connection, erasure.before)
    _drop_vectors(connection, hashes)
    fts.purge(connection)
    # Only now: before, one target is another mention of the next.
    still = set[tuple[str, int]]()
    for work in spans if count else ():
        if work.record.content.strip() and work.record.content != MARK:
            still |= still_mentioned(work)
    return Erased(rows, len(touched), len(still))


def columns(connection: Connection, table: str) -> list[str]:
    """Return the names of a table's columns; none when there is no such table."""
    return [row[1] for row in raw(connection).execute(f"PRAGMA table_info({table})").fetchall()]


def _remove(work: Span, actor: str) -> None:
    """Take out the target's own row."""
    connection, target = work.connection, work.record
    if target.kind == "turn":
        _blank(work)
        return
    row = raw(connection).execute("SELECT seq, content_hash FROM memories WHERE id = ?", (target.id,)).fetchone()
    if row is not None:
        fts.drop_rows(connection, "memories", [row[0]])
        connection.execute(delete(memories).where(memories.c.seq == row[0]))
        work.hashes.add(row[1])
    texts = (memory_history.c.memory_id == target.id, memory_history.c.content != MARK)
    connection.execute(update(memory_history).where(*texts).values(content=MARK))
    if "was" in columns(connection, "memory_history"):
        # Earlier tags and keys are words as well.
        connection.exec_driver_sql("UPDATE memory_history SET was = NULL WHERE memory_id = ?", (target.id,))
    work.hashes.add(content_hash(target.content))
    if row is None:
        return
    connection.exec_driver_sql(
        "INSERT INTO memory_history(memory_id, action, content, actor, process, at)"
        " VALUES (?, 'forgotten', ?, ?, ?, ?)",
        (target.id, MARK, actor, this_process(), now_us()),
    )
    queue.enqueue(connection, "memory", [target.id], "delete")


def _blank(work: Span) -> None:
    """Leave of a message only that there was one."""
    row = work.connection.execute(
        select(journal.c.seq, journal.c.content, journal.c.payload, journal.c.content_hash).where(
            journal.c.id == work.record.id
        )
    ).first()
    if row is None or row.content == MARK:
        return
    payload = redact_payload(row.payload, lambda text: MARK if text.strip() else text) if row.payload else row.payload
    work.connection.execute(
        update(journal).where(journal.c.seq == row.seq).values(content=MARK, payload=payload, content_hash=None)
    )
    fts.drop_rows(work.connection, "journal", [row.seq])
    queue.enqueue(work.connection, "turn", [work.record.id], "delete")
    if row.content_hash:
        work.hashes.add(row.content_hash)
    work.note(work.record.session_id)


def _drop_rows(connection: Connection, condition: str, parameters: tuple[Any, ...]) -> set[str]:
    """Delete messages; returns the hashes of their texts."""
    query = f"SELECT seq, id, content_hash FROM journal WHERE {condition}"
    rows = raw(connection).execute(query, parameters).fetchall()
    fts.drop_rows(connection, "journal", [row[0] for row in rows])
    queue.enqueue(connection, "turn", [row[1] for row in rows if row[2]], "delete")
    connection.exec_driver_sql(f"DELETE FROM journal WHERE {condition}", parameters)
    return {row[2] for row in rows if row[2]}


def _drop_session(connection: Connection, session: str) -> set[str]:
    """Delete a conversation with those of its specialists, and what forks of it have copied."""
    below = "SELECT id FROM sessions WHERE parent_id = ? AND origin = ?"
    hashes: set[str] = set()
    for child in list(connection.exec_driver_sql(below, (session, SPECIALIST)).scalars()):
        hashes |= _drop_session(connection, child)
    copies = (
        "session_id IN (SELECT id FROM sessions WHERE parent_id = ?)"
        " AND created_at IN (SELECT created_at FROM journal WHERE session_id = ?)"
    )
    hashes |= _drop_rows(connection, copies, (session, session))
    hashes |= _drop_rows(connection, "session_id = ?", (session,))
    connection.exec_driver_sql("DELETE FROM audit_log WHERE session_id = ?", (session,))
    streams = "DELETE FROM stream_chunks WHERE turn_id IN (SELECT id FROM turns WHERE session_id = ?)"
    connection.exec_driver_sql(streams, (session,))
    connection.exec_driver_sql("DELETE FROM turns WHERE session_id = ?", (session,))
    connection.exec_driver_sql("UPDATE memories SET session_id = NULL, turn_id = NULL WHERE session_id = ?", (session,))
    connection.exec_driver_sql("UPDATE tasks SET session_id = NULL WHERE session_id = ?", (session,))
    connection.exec_driver_sql("UPDATE sessions SET parent_id = NULL WHERE parent_id = ?", (session,))
    connection.exec_driver_sql("DELETE FROM sessions WHERE id = ?", (session,))
    return hashes


def _drop_before(connection: Connection, moment: int) -> set[str]:
    """Delete messages from before a moment, and conversations that are empty then."""
    hashes = _drop_rows(connection, "created_at < ?", (moment,))
    connection.exec_driver_sql("UPDATE turns SET error = NULL WHERE started_at < ? AND error IS NOT NULL", (moment,))
    connection.exec_driver_sql("DELETE FROM audit_log WHERE at < ?", (moment,))
    empty = (
        "SELECT id FROM sessions s WHERE updated_at < ?"
        " AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.session_id = s.id)"
    )
    for session in list(connection.exec_driver_sql(empty, (moment,)).scalars()):
        _drop_session(connection, session)
    connection.exec_driver_sql("UPDATE sessions SET compaction = NULL WHERE created_at < ?", (moment,))
    return hashes


def _drop_vectors(connection: Connection, hashes: set[str]) -> None:
    """Remove the vectors of texts that no row has any more."""
    raw(connection).executemany(
        "DELETE FROM vectors WHERE content_hash = :hash"
        " AND NOT EXISTS (SELECT 1 FROM memories WHERE content_hash = :hash)"
        " AND NOT EXISTS (SELECT 1 FROM journal WHERE content_hash = :hash)",
        [{"hash": value} for value in hashes],
    )
