"""The index outbox: what the vector index has still to learn, filled in the transaction that changes the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from lra.store.database import Database
from lra.store.sqlite import raw

Kind = Literal["memory", "turn"]

SEARCHABLE: tuple[tuple[Kind, str, str], ...] = (
    ("memory", "memories", "superseded_by IS NULL AND local_only = 0"),
    ("turn", "journal", "content_hash IS NOT NULL AND hidden = 0"),
)
"""Which rows of which tables belong into the vector index."""
_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One pending change; `generation` tells whether it changed again while it was worked on."""

    kind: Kind
    ref: str
    op: Literal["upsert", "delete"]
    generation: int


def enqueue(connection: Connection, kind: Kind, refs: Sequence[str], op: str = "upsert") -> None:
    """Note changes within the caller's transaction; a later change of the same row replaces the earlier."""
    if refs:
        raw(connection).executemany(
            "INSERT INTO index_queue(kind, ref, op) VALUES (?, ?, ?) ON CONFLICT(kind, ref) DO UPDATE"
            " SET op = excluded.op, generation = generation + 1, attempts = 0",
            [(kind, ref, op) for ref in refs],
        )


class IndexQueue:
    """Reading and clearing the outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self) -> int:
        """Return how many changes wait."""
        (row,) = await self._database.rows("SELECT count(*) FROM index_queue")
        return int(row[0])

    async def peek(self, limit: int) -> list[QueueItem]:
        """Return the oldest pending changes without removing them."""
        rows = await self._database.rows(
            "SELECT kind, ref, op, generation FROM index_queue ORDER BY attempts, seq LIMIT ?", (limit,)
        )
        return [QueueItem(**row._mapping) for row in rows]

    async def untried(self) -> bool:
        """Return whether changes wait that have not failed yet."""
        (row,) = await self._database.rows("SELECT EXISTS (SELECT 1 FROM index_queue WHERE attempts = 0)")
        return bool(row[0])

    async def done(self, items: Sequence[QueueItem]) -> None:
        """Remove changes, except those that came again meanwhile."""
        if not items:
            return

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(
                "DELETE FROM index_queue WHERE kind = ? AND ref = ? AND generation = ?",
                [(item.kind, item.ref, item.generation) for item in items],
            )

        await self._database.write(work)

    async def failed(self, items: Sequence[QueueItem]) -> None:
        """Put changes behind the others, to be tried again."""
        if not items:
            return

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(
                "UPDATE index_queue SET attempts = attempts + 1 WHERE kind = ? AND ref = ?",
                [(item.kind, item.ref) for item in items],
            )

        await self._database.write(work)

    async def enqueue_all(self) -> None:
        """Queue every searchable row, for a new index or another embedder."""

        def work(connection: Connection) -> None:
            for kind, table, condition in SEARCHABLE:
                connection.exec_driver_sql(
                    f"INSERT OR IGNORE INTO index_queue(kind, ref, op) SELECT '{kind}', id, 'upsert' FROM {table}"
                    f" WHERE {condition}"
                )

        await self._database.write(work)

    async def enqueue_missing(self, fingerprint: str) -> None:
        """Queue every searchable row without a vector of this embedder, as after a change of embedder.

        They are looked for without keeping anybody from writing, which a large record takes a while.
        """
        for kind, table, condition in SEARCHABLE:
            (row,) = await self._database.rows(f"SELECT coalesce(max(seq), 0) FROM {table}")
            for first in range(0, int(row[0]) + 1, _PAGE):
                refs = await self._database.rows(
                    f"SELECT id FROM {table} d WHERE seq >= ? AND seq < ? AND {condition}"
                    " AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.content_hash = d.content_hash"
                    " AND v.fingerprint = ?) AND NOT EXISTS (SELECT 1 FROM index_queue q WHERE q.kind = ?"
                    " AND q.ref = d.id)",
                    (first, first + _PAGE, fingerprint, kind),
                )
                if refs:
                    await self._add(kind, [row[0] for row in refs])

    async def _add(self, kind: Kind, refs: Sequence[str]) -> None:
        def work(connection: Connection) -> None:
            raw(connection).executemany(
                "INSERT OR IGNORE INTO index_queue(kind, ref, op) VALUES (?, ?, 'upsert')",
                [(kind, ref) for ref in refs],
            )

        await self._database.write(work)
