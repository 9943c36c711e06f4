"""Whole records out: rows as they stand, page by page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from lra.store.bulk import SessionLine, VectorLine
from lra.store.database import Database
from lra.store.memories import record_of
from lra.store.records import JournalRow, MemoryRecord
from lra.store.tables import memories

_SPOKEN = (
    "hidden = 0 AND role IN ('user', 'assistant') AND content != ''"
    " AND session_id NOT IN (SELECT id FROM sessions WHERE private = 1)"
)
"""What was said with memory; a conversation held without is for itself alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastChange:
    """A line of a memory's history as it stands, without what means nothing in another record."""

    memory_id: str
    action: str
    content: str
    actor: str
    process: str
    session_id: str | None
    at: int
    was: str | None
    tool_call_id: str | None
    undone: int


@dataclass(frozen=True, slots=True)
class TextVector:
    """A stored vector with its place in the table."""

    seq: int
    line: VectorLine


class BulkReader:
    """Reads whole tables page by page."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sessions(self) -> list[SessionLine]:
        """Return the sessions that hold something and say more of themselves than their turns do."""
        rows = await self._database.rows(
            f"WITH held(id) AS (SELECT session_id FROM journal WHERE {_SPOKEN}"
            " UNION SELECT session_id FROM memories WHERE session_id IS NOT NULL)"
            f" SELECT {', '.join(SessionLine.__dataclass_fields__)} FROM sessions WHERE id IN (SELECT id FROM held)"
            " AND (origin != 'import' OR title != '' OR folder != '' OR model != '' OR parent_id IS NOT NULL)"
        )
        return [SessionLine(**row._mapping) for row in rows]

    async def turns(self, *, after: int, limit: int) -> list[JournalRow]:
        """Return visible spoken rows after a sequence number, in order."""
        rows = await self._database.rows(
            f"SELECT {', '.join(JournalRow.__dataclass_fields__)} FROM journal WHERE seq > ? AND {_SPOKEN}"
            " ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [JournalRow(**row._mapping) for row in rows]

    async def memories(self, *, after: int, limit: int) -> list[MemoryRecord]:
        """Return memories after a sequence number, superseded ones included, in order."""
        query = (
            select(*[memories.c[name] for name in MemoryRecord.__dataclass_fields__])
            .where(memories.c.seq > after)
            .order_by(memories.c.seq)
            .limit(limit)
        )
        return [record_of(row) for row in await self._database.rows(query)]

    async def histories(self, ids: Sequence[str]) -> dict[str, list[PastChange]]:
        """Return the history of each of these memories, oldest first."""
        rows = await self._database.rows(
            f"SELECT {', '.join(PastChange.__dataclass_fields__)} FROM memory_history"
            " WHERE memory_id IN (SELECT value FROM json_each(?)) ORDER BY seq",
            (json.dumps(list(ids)),),
        )
        found: dict[str, list[PastChange]] = {}
        for row in rows:
            found.setdefault(row.memory_id, []).append(PastChange(**row._mapping))
        return found

    async def vectors(self, *, after: int, limit: int) -> list[TextVector]:
        """Return the vectors of what the other lines hold, in the order in which they were stored."""
        rows = await self._database.rows(
            "SELECT seq, content_hash, fingerprint, vector FROM vectors v WHERE seq > ? AND (EXISTS (SELECT 1 FROM"
            " memories m WHERE m.content_hash = v.content_hash) OR EXISTS (SELECT 1 FROM journal j"
            f" WHERE j.content_hash = v.content_hash AND {_SPOKEN})) ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [TextVector(row[0], VectorLine(*row[1:])) for row in rows]
