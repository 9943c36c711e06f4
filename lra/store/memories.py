"""Memories: rows and their history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from lra.store import fts, queue
from lra.store.clock import new_id, now_us
from lra.store.database import Database
from lra.store.journal import content_hash
from lra.store.lookup import by_prefix
from lra.store.processes import this_process
from lra.store.records import HistoryRow, MemoryRecord, NewMemory
from lra.store.tables import memories, memory_history

if TYPE_CHECKING:
    from lra.store.remembering import Reading, Remembered

ROW = [memories.c[name] for name in MemoryRecord.__dataclass_fields__]
_HISTORY = [memory_history.c[name] for name in HistoryRow.__dataclass_fields__]

Action = Literal["created", "merged", "superseded", "edited", "forgotten"]


def record_of(row: Any) -> MemoryRecord:
    """Return a row of `memories` as a value."""
    values = dict(row._mapping)
    decoded = {
        "tags": json.loads(values["tags"]),
        "metadata": json.loads(values["metadata"]),
        "pin": bool(values["pin"]),
        "local_only": bool(values["local_only"]),
    }
    return MemoryRecord(**{**values, **decoded})


def record_change(
    connection: Connection,
    memory_id: str,
    action: str,
    content: str,
    actor: str,
    new: NewMemory | None = None,
    *,
    was: dict[str, Any] | None = None,
    part_of: int | None = None,
) -> int:
    """Add a line to a memory's history, and return its number.

    Args:
        connection: The transaction of the change.
        memory_id: Which memory.
        action: What happened to it.
        content: What it says since.
        actor: Who did it.
        new: What was written, with the session and turn it came from.
        was: Columns that the change replaced, as they were; never the text, which the line before holds.
        part_of: The first line of the same write, when it has several.
    """
    added = connection.execute(
        insert(memory_history),
        {
            "memory_id": memory_id,
            "action": action,
            "content": content,
            "actor": actor,
            "process": this_process(),
            "session_id": new.session_id if new else None,
            "turn_id": new.turn_id if new else None,
            "tool_call_id": new.tool_call_id if new else None,
            "part_of": part_of,
            "was": json.dumps(was) if was else None,
            "at": now_us(),
        },
    )
    return int(added.inserted_primary_key[0])  # type: ignore[index]


def insert_memory(connection: Connection, new: NewMemory) -> MemoryRecord:
    """Insert one row with its full-text and outbox entries; no merging."""
    now = now_us()
    created = new.created_at if new.created_at is not None else now
    values = {
        "id": new.id or new_id(),
        "namespace": new.namespace,
        "kind": new.kind,
        "content": new.content,
        "key": new.key,
        "tags": json.dumps(list(new.tags)),
        "pin": int(new.pin),
        "confidence": new.confidence,
        "count": 1,
        "source": new.source,
        "session_id": new.session_id,
        "turn_id": new.turn_id,
        "created_at": created,
        "updated_at": now,
        "valid_from": new.valid_from,
        "valid_to": new.valid_to,
        "superseded_by": None,
        "metadata": json.dumps(new.metadata, ensure_ascii=False),
        "agent": new.agent,
        "local_only": int(new.local_only),
    }
    result = connection.execute(insert(memories), {**values, "content_hash": content_hash(new.content)})
    seq = int(result.inserted_primary_key[0])  # type: ignore[index]
    fts.index_row(connection, "memories", seq, indexed_text(new.content, new.key, new.tags))
    if not new.local_only:
        # The embedder may be a model elsewhere.
        queue.enqueue(connection, "memory", [str(values["id"])])
    decoded = {
        "tags": list(new.tags),
        "metadata": dict(new.metadata),
        "pin": new.pin,
        "local_only": new.local_only,
    }
    return MemoryRecord(**{**values, **decoded, "seq": seq})  # type: ignore[arg-type]


def indexed_text(content: str, key: str | None, tags: Sequence[str]) -> str:
    """Return what full-text search sees of a memory: its text, its key's words and its tags."""
    extra = [key.replace("_", " ").replace(".", " ")] if key else []
    return "\n".join([content, *extra, *tags])


def reindex(connection: Connection, seq: int) -> None:
    """Bring the indexes up to what a row says now."""
    row = connection.execute(select(*ROW).where(memories.c.seq == seq)).one()
    fts.index_row(connection, "memories", seq, indexed_text(row.content, row.key, json.loads(row.tags)))
    if row.superseded_by is None and not row.local_only:
        queue.enqueue(connection, "memory", [row.id])


class MemoryStore:
    """Rows of the `memories` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewMemory, reading: Reading | None = None) -> tuple[MemoryRecord, Action]:
        """Write a memory and return the row as it stands and what happened; see `write`."""
        done = await self.write(new, reading)
        return done.record, done.action

    async def write(self, new: NewMemory, reading: Reading | None = None) -> Remembered:
        """Write a memory: the same is counted, another value of the same key takes the old one's place.

        Args:
            new: What to write.
            reading: How it is held against what is there; without, only equal texts are the same.

        Raises:
            UsageError: Its validity ends before it begins.
        """
        from lra.store.remembering import remember

        return await self._database.write(lambda connection: remember(connection, new, reading))

    async def edit(self, memory_id: str, content: str, *, actor: str = "user") -> MemoryRecord:
        """Replace a memory's text in place.

        Raises:
            NotFoundError: There is no such memory.
        """
        record = await self.get(memory_id)

        def work(connection: Connection) -> None:
            connection.execute(
                update(memories)
                .where(memories.c.seq == record.seq)
                .values(content=content, content_hash=content_hash(content), updated_at=now_us())
            )
            reindex(connection, record.seq)
            record_change(connection, record.id, "edited", content, actor)

        await self._database.write(work)
        return await self.get(record.id)

    async def change(self, memory_id: str, *, actor: str = "user", **values: Any) -> MemoryRecord:
        """Change columns other than the text: `pin`, `tags`, `key`, `confidence`, `valid_from`, `valid_to`.

        Raises:
            NotFoundError: There is no such memory.
        """
        record = await self.get(memory_id)
        stored = {name: json.dumps(value) if name == "tags" else value for name, value in values.items()}

        def work(connection: Connection) -> None:
            row = connection.execute(select(*ROW).where(memories.c.seq == record.seq)).one()
            was = {name: getattr(row, name) for name in stored if getattr(row, name) != stored[name]}
            if not was:
                return
            changed = update(memories).where(memories.c.seq == record.seq)
            connection.execute(changed.values(**stored, updated_at=now_us()))
            record_change(connection, record.id, "changed", row.content, actor, was=was)
            reindex(connection, record.seq)

        await self._database.write(work)
        return await self.get(record.id)

    async def put(self, new: NewMemory) -> MemoryRecord:
        """Write a memory under its own id, without merging; a known id gets the new text and metadata."""

        def work(connection: Connection) -> MemoryRecord:
            old = connection.execute(select(*ROW).where(memories.c.id == (new.id or ""))).first()
            if old is None:
                record = insert_memory(connection, new)
                record_change(connection, record.id, "created", new.content, new.source, new)
                return record
            connection.execute(
                update(memories)
                .where(memories.c.seq == old.seq)
                .values(
                    content=new.content,
                    content_hash=content_hash(new.content),
                    metadata=json.dumps(new.metadata, ensure_ascii=False),
                    updated_at=now_us(),
                )
            )
            reindex(connection, old.seq)
            was = {"metadata": old.metadata}
            record_change(connection, old.id, "edited", new.content, new.source, new, was=was)
            return record_of(connection.execute(select(*ROW).where(memories.c.seq == old.seq)).one())

        return await self._database.write(work)

    async def delete(self, memory_id: str, *, actor: str = "user") -> bool:
        """Remove one row by its exact id; says whether it was there."""
        record = (await self.by_ids([memory_id])).get(memory_id)
        if record is None:
            return False

        def work(connection: Connection) -> None:
            self.remove(connection, record, actor=actor)

        await self._database.write(work)
        return True

    async def get(self, memory_id: str) -> MemoryRecord:
        """Return a memory by its id or by an unambiguous beginning of it.

        Raises:
            NotFoundError: None or several match.
        """
        hint, kind = "`lra memory search WORDS` finds them.", ("memory", "memories")
        return record_of(await by_prefix(self._database, memories, ROW, memory_id, kind=kind, hint=hint))

    async def by_ids(self, ids: Sequence[str]) -> dict[str, MemoryRecord]:
        """Return memories by their exact ids."""
        rows = await self._database.rows(select(*ROW).where(memories.c.id.in_(ids)))
        return {row.id: record_of(row) for row in rows}

    async def find(
        self,
        *,
        session_id: str | None = None,
        kind: str | None = None,
        limit: int | None = None,
        superseded: bool = False,
    ) -> list[MemoryRecord]:
        """Return memories, newest first; superseded ones only when asked for."""
        query = select(*ROW).order_by(memories.c.seq.desc())
        if session_id is not None:
            query = query.where(memories.c.session_id == session_id)
        if kind is not None:
            query = query.where(memories.c.kind == kind)
        if not superseded:
            query = query.where(memories.c.superseded_by.is_(None))
        if limit is not None:
            query = query.limit(limit)
        return [record_of(row) for row in await self._database.rows(query)]

    async def count(self, *, summaries: bool = True) -> int:
        """Return how many memories are in force.

        Args:
            summaries: Whether those of conversations count, which nobody asked to remember.
        """
        only = "" if summaries else " AND kind != 'summary'"
        (row,) = await self._database.rows(f"SELECT count(*) FROM memories WHERE superseded_by IS NULL{only}")
        return int(row[0])

    async def replaced(self, memory_id: str) -> list[MemoryRecord]:
        """Return the memories whose place one took, oldest first."""
        query = select(*ROW).where(memories.c.superseded_by == memory_id).order_by(memories.c.seq)
        return [record_of(row) for row in await self._database.rows(query)]

    async def history(self, memory_id: str) -> list[HistoryRow]:
        """Return every change of a memory, oldest first, also after it was forgotten."""
        rows = await self._database.rows(
            select(*_HISTORY).where(memory_history.c.memory_id == memory_id).order_by(memory_history.c.seq)
        )
        return [HistoryRow(**row._mapping) for row in rows]

    def remove(self, connection: Connection, record: MemoryRecord, *, actor: str) -> None:
        """Delete a row within the caller's transaction, leaving only the fact that something was forgotten."""
        fts.drop_rows(connection, "memories", [record.seq])
        connection.execute(delete(memories).where(memories.c.seq == record.seq))
        connection.execute(
            update(memory_history).where(memory_history.c.memory_id == record.id).values(content="[forgotten]")
        )
        record_change(connection, record.id, "forgotten", "[forgotten]", actor)
        queue.enqueue(connection, "memory", [record.id], "delete")
