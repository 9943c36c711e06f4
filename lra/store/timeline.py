"""What was remembered at a moment, and what changed between two."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, select

from lra.store.database import Database
from lra.store.memories import ROW, record_of
from lra.store.records import MemoryRecord
from lra.store.sqlite import raw
from lra.store.tables import memories

_MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that was otherwise at the second moment."""

    kind: Literal["added", "removed", "changed"]
    before: MemoryRecord | None
    after: MemoryRecord | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "change": self.kind,
            "before": self.before.to_dict() if self.before else None,
            "after": self.after.to_dict() if self.after else None,
        }


class Timeline:
    """Memories through time.

    A memory holds from its `valid_from`, or from when it was written, until its `valid_to`, which is when another
    took its place. Its text is the one it had at the moment, as its history knows it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def at(self, moment: int, *, namespace: str | None = None) -> list[MemoryRecord]:
        """Return what held at a moment (microseconds, UTC), oldest first."""
        return await self._database.query(lambda connection: _held(connection, moment, namespace))

    async def between(self, first: int, second: int, *, namespace: str | None = None) -> list[Difference]:
        """Return what was otherwise at the second moment than at the first, in the order of writing."""

        def work(connection: Connection) -> list[Difference]:
            before = {record.id: record for record in _held(connection, first, namespace)}
            after = {record.id: record for record in _held(connection, second, namespace)}
            return _differences(before, after)

        return await self._database.query(work)


def _held(connection: Connection, moment: int, namespace: str | None) -> list[MemoryRecord]:
    start = memories.c.valid_from.is_not(None) & (memories.c.valid_from <= moment)
    start |= memories.c.valid_from.is_(None) & (memories.c.created_at <= moment)
    query = select(*ROW).where(start, memories.c.valid_to.is_(None) | (memories.c.valid_to > moment))
    # Without an end, what was replaced held until it was.
    query = query.where(
        memories.c.superseded_by.is_(None) | memories.c.valid_to.is_not(None) | (memories.c.updated_at > moment)
    )
    if namespace is not None:
        query = query.where(memories.c.namespace == namespace)
    records = [record_of(row) for row in connection.execute(query.order_by(memories.c.seq)).all()]
    texts = _texts(connection, [record.id for record in records], moment)
    return [replace(record, content=texts.get(record.id, record.content)) for record in records]


def _texts(connection: Connection, ids: Sequence[str], moment: int) -> dict[str, str]:
    """Return the texts that edited memories had at a moment."""
    query = (
        "SELECT memory_id, content, at, action FROM memory_history WHERE memory_id IN (SELECT h.memory_id"
        " FROM memory_history h WHERE h.action IN ('edited', 'restored') AND h.at > :moment)"
        " AND memory_id IN (SELECT value FROM json_each(:ids))"
        " AND action IN ('created', 'imported', 'edited', 'restored') ORDER BY seq"
    )
    texts: dict[str, str] = {}
    for memory_id, content, at, _ in (
        raw(connection).execute(query, {"moment": moment, "ids": json.dumps(ids)}).fetchall()
    ):
        # The first text stands for all time before: it may have been written later than it holds.
        if memory_id not in texts or at <= moment:
            texts[memory_id] = content
    return texts


def _differences(before: dict[str, MemoryRecord], after: dict[str, MemoryRecord]) -> list[Difference]:
    found: list[Difference] = []
    replaced: set[str] = set()
    for old in before.values():
        now = after.get(old.id)
        if now is not None:
            if now.content != old.content:
                found.append(Difference(kind="changed", before=old, after=now))
            continue
        # What took its place may have been replaced as well.
        by, steps = old.superseded_by, 0
        while by is not None and by not in after and by in before and steps < _MOST_STEPS:
            by, steps = before[by].superseded_by, steps + 1
        successor = after.get(by) if by is not None else None
        successor = successor or _same_key(old, after, before)
        if successor is not None and successor.id not in before:
            replaced.add(successor.id)
            found.append(Difference(kind="changed", before=old, after=successor))
        else:
            found.append(Difference(kind="removed", before=old, after=None))
    added = [new for new in after.values() if new.id not in before and new.id not in replaced]
    found += [Difference(kind="added", before=None, after=new) for new in added]
    return sorted(found, key=lambda change: (change.after or change.before).seq)  # type: ignore[union-attr]


def _same_key(
    old: MemoryRecord, after: dict[str, MemoryRecord], before: dict[str, MemoryRecord]
) -> MemoryRecord | None:
    """Return what holds a replaced memory's key in the end, with others in between."""
    if not old.key:
        return None
    found = (new for new in after.values() if (new.key, new.namespace) == (old.key, old.namespace))
    return next((new for new in found if new.id not in before), None)
