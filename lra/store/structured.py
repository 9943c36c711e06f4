"""`StructuredMemoryStore`: the record as one object, for library users."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from lra.config import load_settings
from lra.errors import NotFoundError
from lra.store import fts, queue
from lra.store.audit import AuditLog
from lra.store.clock import iso, parse_time
from lra.store.database import Database
from lra.store.extractions import ExtractionStore
from lra.store.forgetting import Forgetting
from lra.store.journal import Journal
from lra.store.last_write import LastWrite
from lra.store.managed import ManagedStore
from lra.store.memories import MemoryStore
from lra.store.queue import IndexQueue
from lra.store.records import Entry, JournalRow, NewMemory, TaskRecord
from lra.store.sessions import SessionStore
from lra.store.spending import Spending
from lra.store.tables import journal
from lra.store.tasks import TaskStore
from lra.store.timeline import Timeline
from lra.store.tools import ToolStore
from lra.store.undoing import Undoing
from lra.store.vectors import VectorStore
from lra.text import clean_text


class StructuredMemoryStore:
    """Sessions, turns, memories, tasks and the audit log of one database.

    It opens on first use, may be used from several event loops in turn, and does not keep the interpreter from
    ending when it is never closed.

    Args:
        database_url: `sqlite+aiosqlite:///FILE`; the configured database by default.
    """

    def __init__(self, database_url: str | None = None) -> None:
        self.database = Database(database_url or load_settings().database_url)
        self.sessions = SessionStore(self.database)
        self.journal = Journal(self.database)
        self.memories = MemoryStore(self.database)
        self.tasks = TaskStore(self.database)
        self.tools = ToolStore(self.database)
        self.audit = AuditLog(self.database)
        self.vectors = VectorStore(self.database)
        self.queue = IndexQueue(self.database)
        self.forgetting = Forgetting(self.database)
        self.undoing = Undoing(self.database)
        self.last_write = LastWrite(self.database)
        self.timeline = Timeline(self.database)
        self.extractions = ExtractionStore(self.database)
        self.spending = Spending(self.database)
        self.managed = ManagedStore(self.database)
        self.database.on_open = self.forgetting.finish_quietly

    async def init_db(self) -> None:
        """Create or migrate the database; every other method does so by itself."""
        await self.database.open()

    async def close(self) -> None:
        """Release the database's connections."""
        await self.database.close()

    async def ensure_session(self, session_id: str, *, origin: str = "library") -> None:
        """Create a session with a given id unless it exists."""
        await self.sessions.create(id=session_id, origin=origin)

    async def append_conversation(self, session_id: str, role: str, content: str) -> None:
        """Add one spoken line to a session.

        Args:
            session_id: Any id; the session is created when missing.
            role: `user`, `assistant`, `tool` or `system`.
            content: What was said.
        """
        await self.ensure_session(session_id)
        await self.journal.append(session_id, None, [Entry(role=role, content=clean_text(content))])  # type: ignore[arg-type]

    async def get_conversations(self, session_id: str, limit: int = 100) -> list[dict[str, Any]]:
        """Return the last `limit` lines of a session, oldest first: role, content, timestamp, session_id."""
        return [_line(row) for row in await self.journal.recent(limit, session_id=session_id)]

    async def get_conversations_all_sessions(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the last `limit` lines of all sessions, oldest first."""
        return [_line(row) for row in await self.journal.recent(limit)]

    async def upsert_task(
        self,
        session_id: str,
        task_id: str,
        title: str,
        status: str = "pending",
        metadata: dict[str, Any] | None = None,
    ) -> TaskRecord:
        """Create a task with a given id, or change it."""
        await self.ensure_session(session_id)
        try:
            await self.tasks.get(task_id)
        except NotFoundError:
            return await self.tasks.create(title, session_id=session_id, status=status, id=task_id, metadata=metadata)
        changes: dict[str, Any] = {"title": title, "status": status}
        if metadata is not None:
            changes["metadata"] = metadata
        return await self.tasks.update(task_id, **changes)

    async def get_tasks(self, session_id: str | None = None) -> list[TaskRecord]:
        """Return the tasks that came from a session, or all."""
        return await self.tasks.find(session_id=session_id)

    async def get_task(self, task_id: str) -> TaskRecord | None:
        """Return a task, or None."""
        try:
            return await self.tasks.get(task_id)
        except NotFoundError:
            return None

    async def append_summary(self, session_id: str, content: str) -> None:
        """Keep a summary of a session as a memory."""
        await self.ensure_session(session_id)
        await self.memories.add(
            NewMemory(content=clean_text(content), kind="summary", source="summary", session_id=session_id)
        )

    async def get_summaries(self, session_id: str) -> list[str]:
        """Return the summaries of a session, oldest first."""
        found = await self.memories.find(session_id=session_id, kind="summary")
        return [record.content for record in reversed(found)]

    async def append_audit_log(self, run_id: str, session_id: str, event_type: str, payload: dict[str, Any]) -> None:
        """Add an event to the audit log."""
        await self.audit.append(event_type, payload, session_id=session_id, run_id=run_id)

    async def forget_old_entries(self, session_id: str, before: datetime) -> int:
        """Delete the lines of a session from before a moment.

        Returns:
            How many lines went.
        """
        moment = parse_time(before.isoformat())

        def work(connection: Connection) -> int:
            old = (journal.c.session_id == session_id, journal.c.created_at < moment)
            rows = connection.execute(select(journal.c.seq, journal.c.id).where(*old)).all()
            fts.drop_rows(connection, "journal", [row.seq for row in rows])
            queue.enqueue(connection, "turn", [row.id for row in rows], "delete")
            connection.execute(delete(journal).where(*old))
            return len(rows)

        return await self.database.write(work)


def _line(row: JournalRow) -> dict[str, Any]:
    return {
        "role": row.role,
        "content": row.content,
        "timestamp": iso(row.created_at),
        "session_id": row.session_id,
    }
