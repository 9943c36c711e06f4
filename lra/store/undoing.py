"""Taking back what turns have written: memories and tasks become what they were before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, select, update

from lra.store import fts, queue
from lra.store.clock import now_us
from lra.store.database import Database
from lra.store.journal import content_hash, hide_turns
from lra.store.memories import indexed_text, record_change
from lra.store.tables import journal, memories, memory_history, sessions, task_history, tasks, turns
from lra.store.tasks import record_task_change

MARK = "[undone]"

Back = Literal["removed", "restored", "kept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryBack:
    """What became of a memory that a turn wrote or changed."""

    id: str
    action: Back
    content: str
    """Its text: as it was when it is removed, as it is now when it stays."""
    reason: str = ""
    """Why it was kept."""
    fields: tuple[str, ...] = ()
    """Of a memory whose text stayed as it was, what else is as before: its tags, whether it is pinned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBack:
    """What became of a task that a turn created or changed."""

    id: str
    action: Back
    title: str
    status: str
    """Its status afterwards."""
    reason: str = ""
    """Why it was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """What hiding turns did."""

    turn_ids: list[int]
    memories: list[MemoryBack]
    tasks: list[TaskBack]
    summary_dropped: bool


class _Rehearsed(Exception):
    """Ends a transaction that was only tried, with what it would have done."""

    def __init__(self, rewound: Rewound) -> None:
        self.rewound = rewound


class Undoing:
    """Hides turns, and takes back what they wrote, in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rewind(self, session_id: str, number: int, *, also_written: bool, rehearse: bool = False) -> Rewound:
        """Hide turn `number` and all after it, and drop the session's summary, which may tell of them.

        Args:
            session_id: Which session.
            number: The first turn to hide.
            also_written: Whether the memories and tasks written by these turns become what they were before.
            rehearse: Whether only to say what would happen; it is done and rolled back, so that it is exactly that.
        """

        def work(connection: Connection) -> Rewound:
            found = select(turns.c.id).where(
                turns.c.session_id == session_id, turns.c.rewound_at.is_(None), turns.c.number >= number
            )
            ids = list(connection.execute(found.order_by(turns.c.id)).scalars())
            # First, since it is no memory of a turn.
            summary_dropped = _drop_summary(connection, session_id)
            rewound = Rewound(
                turn_ids=ids,
                memories=_Memories(connection, ids).take_back() if also_written else [],
                tasks=_take_back_tasks(connection, ids) if also_written else [],
                summary_dropped=summary_dropped,
            )
            hide_turns(connection, session_id, ids)
            _drop_title(connection, session_id)
            if rehearse:
                raise _Rehearsed(rewound)
            return rewound

        try:
            return await self._database.write(work)
        except _Rehearsed as rehearsed:
            return rehearsed.rewound

    async def summary(self, session_id: str) -> bool:
        """Remove a session's summary from memory, which is written anew at its end; tells whether there was one."""
        return await self._database.write(lambda connection: _drop_summary(connection, session_id))

    async def memory(self, memory_id: str, turn_id: int) -> list[MemoryBack]:
        """Take back what one turn wrote to one memory, and put back in force what that had replaced."""
        return await self._database.write(
            lambda connection: _Memories(connection, [turn_id], only=memory_id).take_back()
        )


class _Memories:
    """The memories that turns wrote, on their way back."""

    def __init__(self, connection: Connection, turn_ids: Sequence[int], *, only: str | None = None) -> None:
        self._connection = connection
        self._turn_ids = turn_ids
        self._only = only
        self._back: dict[str, MemoryBack] = {}

    def take_back(self) -> list[MemoryBack]:
        """Undo every change, the latest first."""
        query = select(memory_history).where(memory_history.c.turn_id.in_(self._turn_ids))
        changes = self._connection.execute(query.order_by(memory_history.c.seq.desc())).all()
        if self._only is not None:
            changes = [change for change in changes if self._concerns(change, self._only)]
        removed = self._removable([change for change in changes if change.action == "created"])
        for change in changes:
            row = self._row(change.memory_id)
            if row is None:
                continue
            match change.action:
                case "created" if row.id in removed:
                    self._remove(row)
                case "superseded" if row.superseded_by in removed:
                    self._put_in_force(row, json.loads(change.was or "{}").get("valid_to"))
                case "merged":
                    self._count_down(row, change)
                case "edited":
                    self._put_text_back(row, change)
        done = [change.seq for change in changes]
        self._connection.execute(update(memory_history).where(memory_history.c.seq.in_(done)).values(undone=1))
        return list(self._back.values())

    def _concerns(self, change: Any, memory_id: str) -> bool:
        """Tell whether a change is one of a memory, or of what that memory replaced."""
        row = self._row(change.memory_id)
        return change.memory_id == memory_id or (row is not None and row.superseded_by == memory_id)

    def _row(self, memory_id: str | None) -> Any:
        return self._connection.execute(select(memories).where(memories.c.id == memory_id)).first()

    def _later(self, change: Any, *actions: str) -> bool:
        """Tell whether a memory was changed afterwards by anything but these turns."""
        history = memory_history.c
        query = select(history.seq).where(
            history.memory_id == change.memory_id,
            history.seq > change.seq,
            history.action.in_(actions),
            history.turn_id.is_(None) | history.turn_id.not_in(self._turn_ids),
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _removable(self, created: Sequence[Any]) -> set[str]:
        """Return what goes; what somebody else has changed or said since is noted as kept."""
        removed = set()
        for change in created:
            row = self._row(change.memory_id)
            if row is None:
                continue
            if self._later(change, "edited"):
                self._note(row, "kept", reason="it was edited since")
            elif self._later(change, "merged"):
                self._note(row, "kept", reason="it was said again since")
                self._set(row, count=max(1, row.count - 1))
            else:
                removed.add(row.id)
        return removed

    def _remove(self, row: Any) -> None:
        connection = self._connection
        # What it replaced is replaced by its own successor, which is none of ours.
        connection.execute(
            update(memories).where(memories.c.superseded_by == row.id).values(superseded_by=row.superseded_by)
        )
        drop_memory(connection, row)
        self._note(row, "removed")

    def _put_in_force(self, row: Any, valid_to: int | None) -> None:
        by = self._row(row.superseded_by)
        if by is not None and by.superseded_by is not None:
            # Its successor's successor stays, and takes the place of both.
            return
        self._set(row, superseded_by=None, valid_to=valid_to)
        self._restored(row, row.content)

    def _count_down(self, row: Any, change: Any) -> None:
        values: dict[str, Any] = {"count": max(1, row.count - 1)}
        was = json.loads(change.was or "{}")
        if not self._later(change, "merged", "changed"):
            values |= was
        self._set(row, **values)

    def _put_text_back(self, row: Any, change: Any) -> None:
        if self._later(change, "edited"):
            self._note(row, "kept", reason="it was edited since")
            return
        history = memory_history.c
        before = select(history.content).where(
            history.memory_id == row.id, history.seq < change.seq, history.action != "merged"
        )
        content = self._connection.execute(before.order_by(history.seq.desc()).limit(1)).scalar()
        if content is None:
            return
        self._set(row, content=content, content_hash=content_hash(content), **json.loads(change.was or "{}"))
        fts.index_row(self._connection, "memories", row.seq, indexed_text(content, row.key, json.loads(row.tags)))
        self._restored(row, content)

    def _restored(self, row: Any, content: str) -> None:
        record_change(self._connection, row.id, "restored", content, "user")
        queue.enqueue(self._connection, "memory", [row.id])
        self._note(row, "restored", content)

    def _set(self, row: Any, **values: Any) -> None:
        self._connection.execute(
            update(memories).where(memories.c.seq == row.seq).values(**values, updated_at=now_us())
        )

    def _note(self, row: Any, action: Back, content: str | None = None, *, reason: str = "") -> None:
        text = row.content if content is None else content
        self._back[row.id] = MemoryBack(id=row.id, action=action, content=text, reason=reason)


def drop_memory(connection: Connection, row: Any) -> None:
    """Delete a memory, leaving only the fact that it was undone."""
    fts.drop_rows(connection, "memories", [row.seq])
    connection.execute(delete(memories).where(memories.c.seq == row.seq))
    connection.execute(update(memory_history).where(memory_history.c.memory_id == row.id).values(content=MARK))
    record_change(connection, row.id, "undone", MARK, "user")
    queue.enqueue(connection, "memory", [row.id], "delete")


def _take_back_tasks(connection: Connection, turn_ids: Sequence[int]) -> list[TaskBack]:
    """Remove the tasks these turns created, and put back what they changed in others."""
    history = task_history.c
    query = select(task_history).where(history.turn_id.in_(turn_ids)).order_by(history.seq.desc())
    back: dict[str, TaskBack] = {}

    def note(row: Any, action: Back, status: str, reason: str = "") -> None:
        back[row.id] = TaskBack(id=row.id, action=action, title=row.title, status=status, reason=reason)

    for change in connection.execute(query).all():
        row = connection.execute(select(tasks).where(tasks.c.id == change.task_id)).first()
        if row is None:
            continue
        later = select(history.seq).where(
            history.task_id == row.id,
            history.seq > change.seq,
            history.action == "changed",
            history.turn_id.is_(None) | history.turn_id.not_in(turn_ids),
        )
        if connection.execute(later.limit(1)).first() is not None:
            note(row, "kept", row.status, "it was changed since")
        elif change.action == "created":
            connection.execute(delete(tasks).where(tasks.c.id == row.id))
            note(row, "removed", row.status)
        elif change.action == "changed":
            was = json.loads(change.was)
            connection.execute(update(tasks).where(tasks.c.id == row.id).values(**was, updated_at=now_us()))
            status = was.get("status", row.status)
            record_task_change(connection, row.id, "restored", status)
            note(row, "restored", status)
    return list(back.values())


def _drop_summary(connection: Connection, session_id: str) -> bool:
    """Remove the session's summary, to be written anew from what is left of it; tells whether there was one."""
    summary = select(memories).where(
        memories.c.session_id == session_id,
        memories.c.kind == "summary",
        memories.c.source == "summary",
        memories.c.key == f"session.{session_id}",
    )
    rows = connection.execute(summary).all()
    for row in rows:
        drop_memory(connection, row)
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(summarized_seq=0))
    return bool(rows)


def _drop_title(connection: Connection, session_id: str) -> None:
    """Take an automatic title from a session that says nothing any more; its next first message gives another."""
    left = select(journal.c.seq).where(journal.c.session_id == session_id, journal.c.hidden == 0)
    if connection.execute(left.limit(1)).first() is None:
        here = (sessions.c.id == session_id, sessions.c.title_source == "auto")
        connection.execute(update(sessions).where(*here).values(title="", title_source="none"))
