"""Forgetting for real: the words leave every table, index and page that held them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lra.store import fts, queue
from lra.store.database import Database
from lra.store.journal import content_hash
from lra.store.memories import MemoryStore, indexed_text
from lra.store.records import MemoryRecord
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
from lra.store.tables import journal, memories, memory_history, sessions, task_history, tasks, vectors

_CANDIDATES = 2000
"""Rows that are looked at, of each kind, when counting what may still mention a memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What went with a memory."""

    rows: int
    """Messages, memories, titles and tasks that held its words."""
    sessions: int
    """Conversations they were in."""
    still_mentioned: int
    """Messages and memories that share its telling words and were left alone."""

    def sentences(self, done: str, *, find: str = 'lra memory search "…"') -> list[str]:
        """Return the lines that tell a person, without the words that were forgotten.

        Args:
            done: How the first line begins.
            find: The command that finds what is left.
        """
        also = f" (also in {_many(self.rows, 'message')} of {_many(self.sessions, 'conversation')})"
        lines = [done + also if self.rows else done]
        if self.still_mentioned:
            lines.append(f"{_many(self.still_mentioned, 'other message')} may still mention it: {find}")
        return lines


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


@dataclass(slots=True)
class _Work:
    """One forgetting on its way through the tables."""

    connection: Connection
    record: MemoryRecord
    everywhere: bool
    """Whether the text means the same wherever it stands."""
    words: Words
    rows: int = 0
    touched: set[str] = field(default_factory=set)

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

    def note(self, session_id: str | None) -> None:
        """Count a changed row."""
        self.rows += 1
        if session_id is not None:
            self.touched.add(session_id)


class Forgetting:
    """Erases a memory and every copy of its text in the record."""

    def __init__(self, database: Database, memory_store: MemoryStore) -> None:
        self._database = database
        self._memories = memory_store
        self.generation = 0
        """Rises with every forgetting, so that cached text is read anew."""

    async def forget(self, record: MemoryRecord, *, actor: str = "user") -> Forgotten:
        """Remove a memory and replace its text by `[forgotten]` in turns, tool calls, summaries and titles.

        In the conversation it came from, sentences that say the same in other words go too. A text that could mean
        anything elsewhere, such as a single word, is replaced in that conversation alone.

        Args:
            record: What to forget.
            actor: Who asked.

        Returns:
            What went with it, and how much may still mention it.
        """

        def run(connection: Connection) -> Forgotten:
            content = record.content
            self._memories.remove(connection, record, actor=actor)
            work = _Work(connection, record, distinctive(content), Words.of(content))
            if content.strip():
                _clear_journal(work)
                _clear_memories(work)
                _clear_titles(work)
                _clear_tasks(work)
            connection.execute(delete(vectors).where(vectors.c.content_hash == content_hash(content)))
            fts.purge(connection)
            return Forgotten(rows=work.rows, sessions=len(work.touched), still_mentioned=_still_mentioned(work))

        forgotten = await self._database.write(run)
        self.generation += 1
        # Old pages live on in the write-ahead log until it is truncated.
        await self._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return forgotten


def _holding(work: _Work, table: str, columns: str, texts: Sequence[str]) -> Iterator[Any]:
    """Return the rows that may have to change: those of the source, and those that may hold the text."""
    conditions, params = ["session_id = :session"], {"session": work.record.session_id or ""}
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


def _clear_journal(work: _Work) -> None:
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


def _change_row(work: _Work, row: Any, redact: Redact) -> bool:
    content = redact_text(row.content, redact)
    payload = redact_payload(row.payload, redact) if row.payload else row.payload
    if content == row.content and payload == row.payload:
        return False
    values: dict[str, object] = {"content": content, "payload": payload}
    if row.content_hash is not None and content != row.content:
        work.connection.execute(delete(vectors).where(vectors.c.content_hash == row.content_hash))
        values["content_hash"] = content_hash(content)
        if not row.hidden:
            spoken = f"{row.speaker}: {content}" if row.speaker else content
            fts.index_row(work.connection, "journal", row.seq, spoken)
            queue.enqueue(work.connection, "turn", [row.id])
    work.connection.execute(update(journal).where(journal.c.seq == row.seq).values(**values))
    work.note(row.session_id)
    return True


def _family(work: _Work) -> list[str]:
    """Return the sessions that were forked from the source or from its forks, and those it was forked from."""
    query = (
        "WITH RECURSIVE links(a, b) AS (SELECT id, parent_id FROM sessions WHERE parent_id IS NOT NULL"
        " UNION SELECT parent_id, id FROM sessions WHERE parent_id IS NOT NULL),"
        " family(id) AS (VALUES (:id) UNION SELECT l.b FROM links l JOIN family f ON l.a = f.id)"
        " SELECT id FROM family WHERE id != :id"
    )
    return list(work.connection.exec_driver_sql(query, {"id": work.record.session_id or ""}).scalars())


def _clear_memories(work: _Work) -> None:
    columns = "seq, id, session_id, kind, content, key, tags"
    for row in _holding(work, "memories", columns, ("content",)):
        ours = row.session_id is not None and row.session_id == work.record.session_id
        if not ours and not work.everywhere:
            continue
        # What else was remembered in the conversation stands for itself; its summary does not.
        redact = work.source(near=False) if ours and row.kind == "summary" else work.exact
        content = redact(row.content)
        if content == row.content:
            continue
        work.connection.execute(delete(vectors).where(vectors.c.content_hash == content_hash(row.content)))
        work.connection.execute(
            update(memories)
            .where(memories.c.seq == row.seq)
            .values(content=content, content_hash=content_hash(content))
        )
        fts.index_row(work.connection, "memories", row.seq, indexed_text(content, row.key, json.loads(row.tags)))
        queue.enqueue(work.connection, "memory", [row.id])
        history = work.connection.execute(
            select(memory_history.c.seq, memory_history.c.content).where(memory_history.c.memory_id == row.id)
        )
        for change in history.all():
            work.connection.execute(
                update(memory_history).where(memory_history.c.seq == change.seq).values(content=redact(change.content))
            )
        work.note(row.session_id)


def _clear_titles(work: _Work) -> None:
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


def _clear_tasks(work: _Work) -> None:
    for row in _holding(work, "tasks", "seq, session_id, title, description", ("title", "description")):
        values = {"title": work.exact(row.title), "description": work.exact(row.description)}
        if (values["title"], values["description"]) != (row.title, row.description):
            work.connection.execute(update(tasks).where(tasks.c.seq == row.seq).values(**values))
            work.note(row.session_id)
    _clear_task_history(work)


def _clear_task_history(work: _Work) -> None:
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


def _still_mentioned(work: _Work) -> int:
    """Count what shares the memory's rarest words, or most of its telling ones."""
    terms = fts.QueryTerms.parse(work.record.content)
    rarest = set(work.words.rarest)
    kept = tuple(word for word in terms.words if word in work.words.weights)
    match = fts.QueryTerms(words=kept, runs=terms.runs).match()
    if not match:
        return 0
    found = 0
    for corpus, counts in (("journal", "d.hidden = 0"), ("memories", "1")):
        rows = work.connection.exec_driver_sql(
            f"SELECT d.content FROM {corpus}_fts JOIN {corpus} d ON d.seq = {corpus}_fts.rowid"
            f" WHERE {corpus}_fts MATCH ? AND {counts} ORDER BY {corpus}_fts.rank LIMIT ?",
            (match, _CANDIDATES),
        )
        for content in rows.scalars():
            said = set(fts.QueryTerms.parse(content).words)
            found += bool(rarest & said) or work.words.told_by(content)
    return found
