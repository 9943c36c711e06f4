"""Taking back the last write to memory, whoever made it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, or_, select, update

from lra.store.clock import now_us
from lra.store.database import Database
from lra.store.journal import content_hash
from lra.store.memories import record_change, reindex
from lra.store.tables import memories, memory_history
from lra.store.undoing import MemoryBack, drop_memory

_BACK = ("created", "merged", "superseded", "edited", "changed")
"""What can be taken back; what was forgotten cannot."""
_ON_ITS_OWN = ("summary", "import")
"""Who writes without being asked each time."""


class LastWrite:
    """Undoes the writes to memory, the latest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def undo(self) -> list[MemoryBack]:
        """Take back the last write that was not taken back yet; empty when there is none."""
        return await self._database.write(_undo)


def _undo(connection: Connection) -> list[MemoryBack]:
    history = memory_history.c
    last = connection.execute(
        select(memory_history)
        .join(memories, memories.c.id == history.memory_id)
        .where(history.action.in_(_BACK), history.actor.not_in(_ON_ITS_OWN), history.undone == 0)
        .order_by(history.seq.desc())
        .limit(1)
    ).first()
    if last is None:
        return []
    head = last.part_of or last.seq
    lines = connection.execute(
        select(memory_history)
        .where(or_(history.seq == head, history.part_of == head), history.undone == 0)
        .order_by(history.seq.desc())
    ).all()
    connection.execute(update(memory_history).where(history.seq.in_([line.seq for line in lines])).values(undone=1))
    back: dict[str, MemoryBack] = {}
    for line in lines:
        if (done := _take_back(connection, line)) is not None:
            back[done.id] = done
    return list(back.values())


def _take_back(connection: Connection, line: Any) -> MemoryBack | None:
    row = _row(connection, line.memory_id)
    if row is None:
        return None
    was = json.loads(line.was or "{}")
    match line.action:
        case "created":
            # What it replaced is replaced by its own successor, if it has one.
            connection.execute(
                update(memories).where(memories.c.superseded_by == row.id).values(superseded_by=row.superseded_by)
            )
            drop_memory(connection, row)
            return MemoryBack(id=row.id, action="removed", content=row.content)
        case "superseded":
            values = {"superseded_by": None, "valid_to": was.get("valid_to")}
        case "merged":
            values = {"count": max(1, row.count - 1), **was}
        case "edited":
            text = _text_before(connection, line)
            values = {"content": text, "content_hash": content_hash(text), **was} if text is not None else was
        case _:
            return _restored(connection, row, was, fields=tuple(sorted(was)))
    return _restored(connection, row, values)


def _restored(connection: Connection, row: Any, values: dict[str, Any], *, fields: tuple[str, ...] = ()) -> MemoryBack:
    connection.execute(update(memories).where(memories.c.seq == row.seq).values(**values, updated_at=now_us()))
    content = str(values.get("content", row.content))
    record_change(connection, row.id, "restored", content, "user")
    reindex(connection, row.seq)
    return MemoryBack(id=row.id, action="restored", content=content, fields=fields)


def _row(connection: Connection, memory_id: str) -> Any:
    return connection.execute(select(memories).where(memories.c.id == memory_id)).first()


def _text_before(connection: Connection, line: Any) -> str | None:
    history = memory_history.c
    before: Sequence[Any] = (history.memory_id == line.memory_id, history.seq < line.seq)
    query = select(history.content).where(*before, history.action != "merged").order_by(history.seq.desc())
    text: str | None = connection.execute(query.limit(1)).scalar()
    return text
