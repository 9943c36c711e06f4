"""Receipts: every table, index and file is asked again whether it still holds what was forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import Connection

from lra.store import leftovers
from lra.store.erasure import Erasure
from lra.store.fts import QueryTerms, fold
from lra.store.journal import content_hash
from lra.store.redaction import MARK, span_pattern
from lra.store.sqlite import raw

MOST_TEXTS = 50
"""Texts that are looked for word by word; rows are looked for by their ids, however many."""

_STORES: Mapping[str, str] = {
    "memories": "memories",
    "memory_history": "history",
    "memories_fts": "search index",
    "journal": "conversations",
    "journal_fts": "search index",
    "sessions": "titles",
    "turns": "turns",
    "stream_chunks": "turns",
    "tasks": "tasks",
    "task_history": "tasks",
    "audit_log": "audit log",
    "vectors": "vectors",
    "index_queue": "outbox",
}
"""What holds words or what is made of them, as a person knows it."""


def ask(connection: Connection, erasure: Erasure) -> dict[str, int]:
    """Return for every store of one database in how many places it still holds what was to be forgotten."""
    database = raw(connection)
    names = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    left = {store: 0 for table, store in _STORES.items() if table in names}

    def add(table: str, query: str, parameters: Sequence[object] = ()) -> None:
        if table in names:
            left[_STORES[table]] += database.execute(query, parameters).fetchone()[0]

    memories, turns = json.dumps(erasure.ids("memory")), json.dumps(erasure.ids("turn"))
    among = "IN (SELECT value FROM json_each(?))"
    add("memories", f"SELECT count(*) FROM memories WHERE id {among}", (memories,))
    add(
        "memory_history",
        f"SELECT count(*) FROM memory_history WHERE content != ? AND memory_id {among}",
        (MARK, memories),
    )
    add("journal", f"SELECT count(*) FROM journal WHERE content != ? AND id {among}", (MARK, turns))
    add("index_queue", f"SELECT count(*) FROM index_queue WHERE op = 'upsert' AND ref {among}", (memories,))
    add("sessions", f"SELECT count(*) FROM sessions WHERE id {among}", (json.dumps(erasure.sessions),))
    add("journal", f"SELECT count(*) FROM journal WHERE session_id {among}", (json.dumps(erasure.sessions),))
    if erasure.before is not None:
        add("journal", "SELECT count(*) FROM journal WHERE created_at < ?", (erasure.before,))
    hashes = json.dumps([content_hash(target.content) for target in erasure.targets])
    add(
        "vectors",
        f"SELECT count(*) FROM vectors v WHERE content_hash {among}"
        " AND NOT EXISTS (SELECT 1 FROM memories d WHERE d.content_hash = v.content_hash)"
        " AND NOT EXISTS (SELECT 1 FROM journal d WHERE d.content_hash = v.content_hash)",
        (hashes,),
    )
    for text in erasure.texts[:MOST_TEXTS]:
        for table in sorted(names & set(_STORES)):
            left[_STORES[table]] += _cells(connection, table, text)
        for index in ("memories_fts", "journal_fts"):
            add(index, f"SELECT count(*) FROM {index} WHERE {index} MATCH ?", (_phrase(text),)) if _phrase(
                text
            ) else None
    return left


def _cells(connection: Connection, table: str, text: str) -> int:
    """Count the cells of a table that hold a text as whole words."""
    database = raw(connection)
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})").fetchall()]
    forms = {form.lower() for form in (text, fold(text), json.dumps(text, ensure_ascii=False)[1:-1])}
    patterns = [span_pattern(form) for form in forms]
    found = 0
    for name in names:
        for form in forms:
            # Only letters of ASCII are folded by SQLite; a word without any is found as it is written.
            query = f'SELECT "{name}" FROM {table} WHERE typeof("{name}") = \'text\' AND instr(lower("{name}"), ?)'
            rows = database.execute(query, (form,)).fetchall()
            found += sum(any(pattern.search(row[0]) for pattern in patterns) for row in rows)
    return found


def _phrase(text: str) -> str:
    words = QueryTerms.parse(text).words
    return f'content : "{" ".join(words)}"' if len(words) > 1 else ""


def bytes_left(paths: Iterable[Path], texts: Sequence[str]) -> int:
    """Count the files that hold the bytes of a text anywhere, in free pages too; blocks."""
    return leftovers.holding([str(path.absolute()) for path in paths], texts[:MOST_TEXTS])
