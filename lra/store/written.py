"""What the turns of a session wrote, in the order in which they did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, select

from lra.store.database import Database
from lra.store.tables import memory_history, task_history, tasks, turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One change of a memory or a task by a turn."""

    turn_id: int
    at: int
    """When, in microseconds UTC."""
    kind: Literal["memory", "task"]
    id: str
    action: str
    """Of a memory: created, superseded (it replaced another), merged, edited; of a task: created, changed."""
    text: str
    """What the memory says since, or the task's title."""
    status: str = ""
    """The task's status since."""
    replaced: tuple[str, ...] = ()
    """Of a memory, what held until then."""


async def written_in(database: Database, session_id: str) -> list[Written]:
    """Return what the visible turns of a session wrote."""

    def work(connection: Connection) -> list[Written]:
        own = select(turns.c.id).where(turns.c.session_id == session_id, turns.c.rewound_at.is_(None))
        changed = _memories(
            connection.execute(
                select(memory_history).where(memory_history.c.turn_id.in_(own)).order_by(memory_history.c.seq)
            ).all()
        )
        query = (
            select(task_history, tasks.c.title)
            .join(tasks, tasks.c.id == task_history.c.task_id)
            .where(task_history.c.turn_id.in_(own))
            .order_by(task_history.c.seq)
        )
        changed += [
            Written(
                turn_id=row.turn_id,
                at=row.at,
                kind="task",
                id=row.task_id,
                action=row.action,
                text=row.title,
                status=row.status,
            )
            for row in connection.execute(query).all()
        ]
        return sorted(changed, key=lambda change: (change.turn_id, change.at))

    return await database.query(work)


def _memories(rows: Any) -> list[Written]:
    changed: list[Written] = []
    for row in rows:
        if row.action == "superseded":
            # The line before is the memory that took its place.
            if changed and changed[-1].action in {"created", "superseded"}:
                changed[-1] = replace(
                    changed[-1], at=row.at, action="superseded", replaced=(*changed[-1].replaced, row.content)
                )
            elif changed and changed[-1].action == "merged":
                changed[-1] = replace(changed[-1], replaced=(*changed[-1].replaced, row.content))
        else:
            changed.append(_memory(row, row.memory_id, row.action, row.content))
    return changed


def _memory(row: Any, memory_id: str, action: str, text: str) -> Written:
    return Written(turn_id=row.turn_id, at=row.at, kind="memory", id=memory_id, action=action, text=text)
