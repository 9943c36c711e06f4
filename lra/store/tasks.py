"""Tasks: what is to be done, across sessions."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from lra.errors import UsageError
from lra.store.clock import new_id, now_us
from lra.store.database import Database
from lra.store.lookup import by_prefix
from lra.store.records import TASK_STATUSES, TaskRecord, TaskStatus
from lra.store.tables import task_history, tasks

_ROW = [tasks.c[name] for name in TaskRecord.__dataclass_fields__]


def _record(row: Any) -> TaskRecord:
    values = dict(row._mapping)
    return TaskRecord(**{**values, "metadata": json.loads(values["metadata"])})


def record_task_change(
    connection: Connection,
    task_id: str,
    action: str,
    status: str,
    *,
    was: dict[str, Any] | None = None,
    turn_id: int | None = None,
) -> None:
    """Add a line to a task's history.

    Args:
        connection: The transaction of the change.
        task_id: Which task.
        action: `created`, `changed` or `restored`.
        status: Its status since.
        was: Columns that the change replaced, as they were.
        turn_id: The turn that did it, if one did.
    """
    connection.execute(
        insert(task_history),
        {
            "task_id": task_id,
            "action": action,
            "status": status,
            "was": json.dumps(was or {}, ensure_ascii=False),
            "turn_id": turn_id,
            "at": now_us(),
        },
    )


def check_status(status: str) -> TaskStatus:
    """Return the status in its stored form.

    Raises:
        UsageError: It is none of the four.
    """
    folded = status.strip().lower().replace(" ", "_").replace("-", "_")
    for known in TASK_STATUSES:
        if folded == known:
            return known
    raise UsageError(f"{status!r} is not a task status.", hint=f"Use one of {', '.join(TASK_STATUSES)}.")


class TaskStore:
    """Rows of the `tasks` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        title: str,
        *,
        description: str = "",
        session_id: str | None = None,
        status: str = "pending",
        id: str | None = None,
        metadata: dict[str, Any] | None = None,
        turn_id: int | None = None,
    ) -> TaskRecord:
        """Add a task; `turn_id` is the turn that does so, if one does.

        Raises:
            UsageError: The title is empty or the status unknown.
        """
        if not title.strip():
            raise UsageError("A task needs a title.")
        checked, now, task_id = check_status(status), now_us(), id or new_id(8)

        def work(connection: Connection) -> None:
            connection.execute(
                insert(tasks),
                {
                    "id": task_id,
                    "title": title.strip(),
                    "description": description,
                    "session_id": session_id,
                    "status": checked,
                    "metadata": json.dumps(metadata or {}),
                    "created_at": now,
                    "updated_at": now,
                },
            )
            record_task_change(connection, task_id, "created", checked, turn_id=turn_id)

        await self._database.write(work)
        return await self.get(task_id)

    async def get(self, task_id: str) -> TaskRecord:
        """Return a task by its id or by an unambiguous beginning of it.

        Raises:
            NotFoundError: None or several match.
        """
        hint = "`lra tasks list` shows them all."
        return _record(await by_prefix(self._database, tasks, _ROW, task_id, kind=("task", "tasks"), hint=hint))

    async def find(
        self, *, session_id: str | None = None, status: str | None = None, limit: int | None = None
    ) -> list[TaskRecord]:
        """Return tasks in the order they were created."""
        query = select(*_ROW).order_by(tasks.c.seq)
        if session_id is not None:
            query = query.where(tasks.c.session_id == session_id)
        if status is not None:
            query = query.where(tasks.c.status == check_status(status))
        if limit is not None:
            query = query.limit(limit)
        return [_record(row) for row in await self._database.rows(query)]

    async def update(self, task_id: str, *, turn_id: int | None = None, **values: Any) -> TaskRecord:
        """Change columns of a task (`title`, `description`, `status`, `metadata`).

        Args:
            task_id: Its id, or the beginning of it.
            turn_id: The turn that does so, if one does.
            values: The columns.

        Raises:
            NotFoundError: There is no such task.
            UsageError: The status is unknown.
        """
        record = await self.get(task_id)
        if "status" in values:
            values["status"] = check_status(values["status"])
        if "metadata" in values:
            values["metadata"] = json.dumps(values["metadata"])

        def work(connection: Connection) -> None:
            old = connection.execute(select(tasks).where(tasks.c.id == record.id)).mappings().first()
            if old is None:
                return
            connection.execute(update(tasks).where(tasks.c.id == record.id).values(**values, updated_at=now_us()))
            was = {name: old[name] for name, value in values.items() if old[name] != value}
            if was:
                status = values.get("status", old["status"])
                record_task_change(connection, record.id, "changed", status, was=was, turn_id=turn_id)

        await self._database.write(work)
        return await self.get(record.id)

    async def delete(self, task_id: str) -> TaskRecord:
        """Remove a task and return what it was.

        Raises:
            NotFoundError: There is no such task.
        """
        record = await self.get(task_id)

        def work(connection: Connection) -> None:
            connection.execute(delete(tasks).where(tasks.c.id == record.id))

        await self._database.write(work)
        return record
