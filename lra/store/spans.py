"""Spans: a text that is to be forgotten, wherever it stands in one database.

Only columns of the first schema are used without looking, so that old backups are cleared by the same statements.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from lra.store import fts, queue
from lra.store.erasure import Target
from lra.store.journal import content_hash
from lra.store.memories import indexed_text
from lra.store.redaction import (
    MARK,
    Redact,
    Words,
    anchor,
    distinctive,
    redact_payload,
    redact_sentences,
    redact_text,
    span_pattern,
)
from lra.store.sqlite import raw
from lra.store.tables import journal, memories, memory_history, sessions, task_history, tasks

_CANDIDATES = 2000
"""Rows that are looked at, of each kind, when counting what may still mention a memory."""


@dataclass(slots=True)
class Span:
    """One target on its way through the tables."""

    connection: Connection
    record: Target
    everywhere: bool
    """Whether the text means the same wherever it stands."""
    words: Words
    rows: int = 0
    touched: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)
    """Texts whose vectors go, unless another row says the same."""

    def exact(self, text: str) -> str:
        """Take out the memory's own words."""
        return span_pattern(self.record.content).sub(MARK, text)

    def source(self, *, near: bool) -> Redact:
        """Return what takes out the memory's words and the sentences that say the same."""

        def redact(text: str) -> str:
            return redact_sentences(self.exact(text), lambda sentence: self.words.told_by(sentence, near=near))

        return redact

    def of_row(self, session_id: str | None, turn_id: int | None = None) -> Redact | None:
        """Return what is to be done to a row; None when it is too far from the source to be changed."""
        if session_id is not None and session_id == self.record.session_id:
            return self.source(near=turn_id is not None and turn_id == self.record.turn_id)
        return self.exact if self.everywhere else None

    def of_memory(self, session_id: str | None, kind: str | None) -> Redact:
        """Return what is to be done to a memory: what else was remembered stands for itself, a summary does not."""
        ours = session_id is not None and session_id == self.record.session_id
        return self.source(near=False) if ours and kind == "summary" else self.exact

    def note(self, session_id: str | None) -> None:
        """Count a changed row."""
        self.rows += 1
        if session_id is not None:
            self.touched.add(session_id)


def span_of(connection: Connection, target: Target) -> Span:
    """Return a target's text, read for its telling words."""
    return Span(connection, target, distinctive(target.content), Words.of(target.content))


def clear(span: Span, *, task_history: bool, history_columns: Sequence[str]) -> None:
    """Replace a text in every table that may hold it.

    Args:
        span: The text.
        task_history: Whether the database keeps what tasks were before.
        history_columns: Names of what the database keeps of what memories were before.
    """
    _clear_journal(span)
    _clear_memories(span)
    _clear_memory_history(span, history_columns)
    _clear_titles(span)
    _clear_tasks(span, history=task_history)
    _clear_rest(span)


def _holding(
    work: Span, table: str, columns: str, texts: Sequence[str], *, session: str = "session_id"
) -> Iterator[Any]:
    """Return the rows that may have to change: those of the source, and those that may hold the text."""
    conditions, params = [f"{session} = :session"], {"session": work.record.session_id or ""}
    if work.everywhere:
        part = anchor(work.record.content)
        if part is None:
            # SQLite knows the case of ASCII letters alone.
            conditions.append("1")
        else:
            conditions += [f"instr(lower({text}), :part)" for text in texts]
            params["part"] = part
    query = f"SELECT {columns} FROM {table} WHERE {' OR '.join(conditions)}"
    yield from work.connection.exec_driver_sql(query, params).all()


def _clear_journal(work: Span) -> None:
    columns = "seq, id, session_id, turn_id, speaker, content, payload, content_hash, created_at, hidden"
    said: set[tuple[int, int | None]] = set()
    for row in _holding(work, "journal", columns, ("content", "payload")):
        redact = work.of_row(row.session_id, row.turn_id)
        if redact is not None and _change_row(work, row, redact) and row.session_id == work.record.session_id:
            said.add((row.created_at, row.turn_id))
    # Forks hold copies of the source, which say the same at the same moment.
    moments = {created_at: turn_id == work.record.turn_id for created_at, turn_id in said}
    for fork in _family(work) if moments else ():
        query = f"SELECT {columns} FROM journal WHERE session_id = ?"
        for row in work.connection.exec_driver_sql(query, (fork,)).all():
            if row.created_at in moments:
                _change_row(work, row, work.source(near=moments[row.created_at]))


def _change_row(work: Span, row: Any, redact: Redact) -> bool:
    content = redact_text(row.content, redact)
    payload = redact_payload(row.payload, redact) if row.payload else row.payload
    if content == row.content and payload == row.payload:
        return False
    values: dict[str, object] = {"content": content, "payload": payload}
    if row.content_hash is not None and content != row.content:
        work.hashes.add(row.content_hash)
        values["content_hash"] = content_hash(content)
        if not row.hidden:
            spoken = f"{row.speaker}: {content}" if row.speaker else content
            fts.index_row(work.connection, "journal", row.seq, spoken)
            queue.enqueue(work.connection, "turn", [row.id])
    work.connection.execute(update(journal).where(journal.c.seq == row.seq).values(**values))
    work.note(row.session_id)
    return True


def _family(work: Span) -> list[str]:
    """Return the sessions that were forked from the source or from its forks, and those it was forked from."""
    query = (
        "WITH RECURSIVE links(a, b) AS (SELECT id, parent_id FROM sessions WHERE parent_id IS NOT NULL"
        " UNION SELECT parent_id, id FROM sessions WHERE parent_id IS NOT NULL),"
        " family(id) AS (VALUES (:id) UNION SELECT l.b FROM links l JOIN family f ON l.a = f.id)"
        " SELECT id FROM family WHERE id != :id"
    )
    return list(work.connection.exec_driver_sql(query, {"id": work.record.session_id or ""}).scalars())


def _clear_memories(work: Span) -> None:
    columns = "seq, id, session_id, kind, content, key, tags"
    for row in _holding(work, "memories", columns, ("content",)):
        content = work.of_memory(row.session_id, row.kind)(row.content)
        if content == row.content:
            continue
        work.hashes.add(content_hash(row.content))
        work.connection.execute(
            update(memories)
            .where(memories.c.seq == row.seq)
            .values(content=content, content_hash=content_hash(content))
        )
        fts.index_row(work.connection, "memories", row.seq, indexed_text(content, row.key, json.loads(row.tags)))
        queue.enqueue(work.connection, "memory", [row.id])
        work.note(row.session_id)


def _clear_memory_history(work: Span, columns: Sequence[str]) -> None:
    """Clear what memories said before, whatever they say now, and earlier tags and keys where they are kept."""
    kept = [name for name in ("content", "was") if name in columns]
    texts = [f"h.{name}" for name in kept]
    table = "memory_history h LEFT JOIN memories m ON m.id = h.memory_id"
    found = _holding(work, table, f"h.seq, m.session_id, m.kind, {', '.join(texts)}", texts, session="m.session_id")
    for seq, session_id, kind, *before in found:
        redact = work.of_memory(session_id, kind)
        after = [text if text is None else redact_text(text, redact) for text in before]
        if after != before:
            values = dict(zip(kept, after, strict=True))
            work.connection.execute(update(memory_history).where(memory_history.c.seq == seq).values(**values))


def _clear_titles(work: Span) -> None:
    rows = work.connection.execute(
        select(sessions.c.id, sessions.c.title, sessions.c.compaction).where(
            (sessions.c.title != "") | sessions.c.compaction.is_not(None)
        )
    )
    for row in rows.all():
        redact = work.of_row(row.id)
        if redact is None:
            continue
        title = MARK if redact(row.title) != row.title else row.title
        compaction = redact_text(row.compaction, redact) if row.compaction else row.compaction
        if (title, compaction) != (row.title, row.compaction):
            changed = update(sessions).where(sessions.c.id == row.id).values(title=title, compaction=compaction)
            work.connection.execute(changed)
            work.note(row.id)


def _clear_tasks(work: Span, *, history: bool) -> None:
    made = _tasks_of_turn(work) if history else frozenset()
    for row in _holding(work, "tasks", "seq, id, session_id, title, description", ("title", "description")):
        # A task that the message itself made says what the message said.
        redact = work.source(near=True) if row.id in made else work.exact
        values = {"title": redact(row.title), "description": redact(row.description)}
        if (values["title"], values["description"]) != (row.title, row.description):
            work.connection.execute(update(tasks).where(tasks.c.seq == row.seq).values(**values))
            work.note(row.session_id)
    if history:
        _clear_task_history(work)


def _tasks_of_turn(work: Span) -> frozenset[str]:
    """Return the tasks that were made in the turn of a message that is to be forgotten."""
    if work.record.kind != "turn" or work.record.turn_id is None:
        return frozenset()
    query = "SELECT task_id FROM task_history WHERE action = 'created' AND turn_id = ?"
    return frozenset(work.connection.exec_driver_sql(query, (work.record.turn_id,)).scalars())


def _clear_task_history(work: Span) -> None:
    """Clear what titles and descriptions were before they were changed."""
    columns = (task_history.c.seq, task_history.c.was, tasks.c.session_id)
    query = select(*columns).join(tasks, tasks.c.id == task_history.c.task_id).where(task_history.c.was != "{}")
    for row in work.connection.execute(query).all():
        if work.of_row(row.session_id) is None:
            continue
        was = json.loads(row.was)
        cleared = was | {name: work.exact(was[name]) for name in ("title", "description") if name in was}
        if cleared != was:
            changed = update(task_history).where(task_history.c.seq == row.seq)
            work.connection.execute(changed.values(was=json.dumps(cleared, ensure_ascii=False)))


def _clear_rest(work: Span) -> None:
    """Clear what failed turns said, the audit log, and pieces of answers that never ended."""
    _clear_column(work, "turns", "id", "session_id, id", "error")
    _clear_column(work, "audit_log", "seq", "session_id, NULL", "payload")
    _clear_column(work, "memories", "seq", "session_id, turn_id", "metadata")
    _clear_streams(work)


def _clear_column(work: Span, table: str, key: str, source: str, column: str) -> None:
    query = f"SELECT {key}, {source}, {column} FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN ('', '{{}}')"
    if not work.everywhere:
        query += " AND session_id = :session"
    parameters = {"session": work.record.session_id or ""} if not work.everywhere else {}
    for number, session_id, turn_id, text in raw(work.connection).execute(query, parameters).fetchall():
        redact = work.of_row(session_id, turn_id) if table != "memories" else work.exact
        changed = redact_text(text, redact) if redact is not None else text
        if changed != text:
            work.connection.exec_driver_sql(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (changed, number))
            work.note(session_id)


def _clear_streams(work: Span) -> None:
    query = (
        "SELECT c.turn_id, c.kind, t.session_id, group_concat(c.content, '') FROM"
        " (SELECT * FROM stream_chunks ORDER BY seq) c JOIN turns t ON t.id = c.turn_id GROUP BY c.turn_id, c.kind"
    )
    for turn_id, kind, session_id, text in raw(work.connection).execute(query).fetchall():
        redact = work.of_row(session_id, turn_id)
        changed = redact(text) if redact is not None else text
        if changed == text:
            continue
        database = raw(work.connection)
        database.execute("DELETE FROM stream_chunks WHERE turn_id = ? AND kind = ?", (turn_id, kind))
        database.execute("INSERT INTO stream_chunks(turn_id, kind, content) VALUES (?, ?, ?)", (turn_id, kind, changed))
        work.note(session_id)


def still_mentioned(work: Span) -> set[tuple[str, int]]:
    """Return the rows that share the memory's rarest words, or most of its telling ones."""
    terms = fts.QueryTerms.parse(work.record.content)
    rarest = set(work.words.rarest)
    kept = tuple(word for word in terms.words if word in work.words.weights)
    match = fts.QueryTerms(words=kept, runs=terms.runs).match()
    found: set[tuple[str, int]] = set()
    if not match:
        return found
    for corpus, counts in (("journal", "d.hidden = 0"), ("memories", "1")):
        rows = work.connection.exec_driver_sql(
            f"SELECT d.seq, d.content FROM {corpus}_fts JOIN {corpus} d ON d.seq = {corpus}_fts.rowid"
            f" WHERE {corpus}_fts MATCH ? AND {counts} ORDER BY {corpus}_fts.rank LIMIT ?",
            (match, _CANDIDATES),
        )
        for seq, content in rows.all():
            said = set(fts.QueryTerms.parse(content).words)
            if rarest & said or work.words.told_by(content):
                found.add((corpus, seq))
    return found
