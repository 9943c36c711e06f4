"""Forgetting for real: the words leave every table, index and page that held them."""

from __future__ import annotations

import json

from sqlalchemy import Connection, delete, select, update

from lra.store import fts, queue
from lra.store.database import Database
from lra.store.journal import content_hash
from lra.store.memories import MemoryStore, indexed_text
from lra.store.records import MemoryRecord
from lra.store.tables import journal, memories, vectors

MARK = "[forgotten]"


class Forgetting:
    """Erases a memory and every copy of its text in the record."""

    def __init__(self, database: Database, memory_store: MemoryStore) -> None:
        self._database = database
        self._memories = memory_store
        self.generation = 0
        """Rises with every forgetting, so that cached text is read anew."""

    async def forget(self, record: MemoryRecord, *, actor: str = "user") -> int:
        """Remove a memory and replace its text by `[forgotten]` in turns, tool calls and summaries.

        Args:
            record: What to forget.
            actor: Who asked.

        Returns:
            How many other rows held the text.
        """

        def work(connection: Connection) -> int:
            self._memories.remove(connection, record, actor=actor)
            touched = self._clear_journal(connection, record.content)
            touched += self._clear_memories(connection, record.content)
            connection.execute(delete(vectors).where(vectors.c.content_hash == content_hash(record.content)))
            fts.purge(connection)
            return touched

        touched = await self._database.write(work)
        self.generation += 1
        # Old pages live on in the write-ahead log until it is truncated.
        await self._database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return touched

    def _clear_journal(self, connection: Connection, span: str) -> int:
        escaped = json.dumps(span, ensure_ascii=False)[1:-1]
        rows = connection.exec_driver_sql(
            "SELECT seq, id, speaker, content, payload, content_hash FROM journal"
            " WHERE instr(lower(content), lower(?)) OR instr(lower(payload), lower(?))",
            (span, escaped),
        ).all()
        for row in rows:
            content = _replace(row.content, span)
            payload = _replace(row.payload, escaped) if row.payload else row.payload
            values: dict[str, object] = {"content": content, "payload": payload}
            if row.content_hash is not None and content != row.content:
                connection.execute(delete(vectors).where(vectors.c.content_hash == row.content_hash))
                values["content_hash"] = content_hash(content)
                spoken = f"{row.speaker}: {content}" if row.speaker else content
                fts.index_row(connection, "journal", row.seq, spoken)
                queue.enqueue(connection, "turn", [row.id])
            connection.execute(update(journal).where(journal.c.seq == row.seq).values(**values))
        return len(rows)

    def _clear_memories(self, connection: Connection, span: str) -> int:
        rows = connection.execute(
            select(memories.c.seq, memories.c.id, memories.c.content, memories.c.key, memories.c.tags).where(
                memories.c.content.icontains(span, autoescape=True)
            )
        ).all()
        for row in rows:
            content = _replace(row.content, span)
            connection.execute(delete(vectors).where(vectors.c.content_hash == content_hash(row.content)))
            connection.execute(
                update(memories)
                .where(memories.c.seq == row.seq)
                .values(content=content, content_hash=content_hash(content))
            )
            fts.index_row(connection, "memories", row.seq, indexed_text(content, row.key, json.loads(row.tags)))
            queue.enqueue(connection, "memory", [row.id])
        return len(rows)


def _replace(text: str, span: str) -> str:
    """Replace every occurrence, whatever its case."""
    folded, target, parts, start = text.lower(), span.lower(), [], 0
    if len(folded) != len(text):
        return text.replace(span, MARK)
    while target and (found := folded.find(target, start)) >= 0:
        parts.append(text[start:found])
        start = found + len(target)
    return MARK.join([*parts, text[start:]])
