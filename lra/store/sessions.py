"""Sessions: creating, finding, naming, leasing and deleting conversations."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from lra.errors import NotFoundError
from lra.store import fts, queue, session_search
from lra.store.clock import new_id, now_us
from lra.store.database import Database
from lra.store.processes import is_alive
from lra.store.records import SessionRecord
from lra.store.session_search import BestRow, PreviewLine, SessionMatch
from lra.store.sqlite import raw
from lra.store.tables import journal, sessions, turns

LEASE_SECONDS = 30

SPECIALIST = "specialist"
"""Origin of the conversations that specialists have; they belong to the conversation above them."""

_COLUMNS = [sessions.c[name] for name in SessionRecord.__dataclass_fields__ if name != "turns"]

# With a conversation go those that specialists had for it.
_DELETE = (
    "WITH RECURSIVE gone(id) AS (SELECT ?1 UNION SELECT sessions.id FROM sessions JOIN gone ON parent_id = gone.id"
    " WHERE origin = ?2) DELETE FROM sessions WHERE id IN (SELECT id FROM gone)"
)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a session open for writing."""

    owner: str
    pid: int
    host: str


def _counted() -> Any:
    count = (
        select(func.count())
        .select_from(turns)
        .where(turns.c.session_id == sessions.c.id, turns.c.rewound_at.is_(None))
        .scalar_subquery()
    )
    return select(*_COLUMNS, count.label("turns"))


class SessionStore:
    """Rows of the `sessions` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self,
        *,
        id: str | None = None,
        model: str = "",
        folder: str = "",
        agent: str = "lra",
        origin: str = "chat",
        parent_id: str | None = None,
        title: str = "",
        private: bool = False,
        flush: bool = True,
    ) -> SessionRecord:
        """Add a session; an existing id is returned as it is.

        Args:
            id: Its id; a new one by default.
            model: Who answers in it.
            folder: Where it was begun.
            agent: Whose it is.
            origin: `chat`, `library`, `managed`, `import`, `agent` or `specialist`.
            parent_id: The session it is a copy of, or belongs to.
            title: Its title.
            private: Whether what is said in it is found nowhere else.
            flush: Whether it is on the disk before this returns; without, the next write of anything takes it there.
        """
        now = now_us()
        values = {
            "id": id or new_id(),
            "model": model,
            "folder": folder,
            "agent": agent,
            "origin": origin,
            "parent_id": parent_id,
            "title": title,
            "title_source": "auto" if title else "none",
            "private": int(private),
            "created_at": now,
            "updated_at": now,
        }

        def work(connection: Connection) -> None:
            connection.execute(insert(sessions).prefix_with("OR IGNORE"), values)

        await (self._database.write(work) if flush else self._database.write_stream(work))
        return await self.get(values["id"])  # type: ignore[arg-type]

    async def get(self, session_id: str) -> SessionRecord:
        """Return a session by its id.

        Raises:
            NotFoundError: There is none.
        """
        rows = await self._database.rows(_counted().where(sessions.c.id == session_id))
        if not rows:
            raise NotFoundError(f"There is no session {session_id!r}.", hint="`lra sessions list` shows them all.")
        return SessionRecord(**rows[0]._mapping)

    async def resolve(self, prefix: str) -> SessionRecord:
        """Return a session by its id or by an unambiguous beginning of it.

        Raises:
            NotFoundError: None or several match.
        """
        rows = await self._database.rows(
            select(sessions.c.id)
            .where(sessions.c.id.startswith(prefix, autoescape=True))
            .order_by(sessions.c.id != prefix)
            .limit(4)
        )
        ids = [row.id for row in rows]
        if prefix and ids and (ids[0] == prefix or len(ids) == 1):
            return await self.get(ids[0])
        if prefix and ids:
            raise NotFoundError(f"{prefix!r} is the beginning of several sessions: {', '.join(ids)}.")
        raise NotFoundError(f"There is no session {prefix!r}.", hint="`lra sessions list` shows them all.")

    async def find(self, *, folder: str | None = None, limit: int | None = None) -> list[SessionRecord]:
        """Return sessions, latest first, without those of specialists."""
        query = (
            _counted()
            .where(sessions.c.origin != SPECIALIST)
            .order_by(sessions.c.updated_at.desc(), sessions.c.created_at.desc(), sessions.c.id)
        )
        if folder is not None:
            query = query.where(sessions.c.folder == folder)
        if limit is not None:
            query = query.limit(limit)
        return [SessionRecord(**row._mapping) for row in await self._database.rows(query)]

    async def search(self, text: str, limit: int = 20) -> list[SessionMatch]:
        """Return conversations by their titles and what was said in them, best first; without words the latest.

        Args:
            text: Words; the last one may be unfinished.
            limit: How many at most.
        """
        every = {record.id: record for record in await self.find()}
        rows = {row.session_id: row for row in await session_search.best_rows(self._database, text)}
        rows = await session_search.with_forks(self._database, rows, every.values())
        named = [record.id for record in every.values() if session_search.in_title(record.title, text)]
        ids = list(dict.fromkeys([*named, *rows])) if text.strip() else list(every)
        shown = [key for key in ids if key in every][:limit]
        return [await self._match(every[key], rows.get(key), text) for key in shown]

    async def _match(self, record: SessionRecord, row: BestRow | None, text: str) -> SessionMatch:
        if row is not None:
            found = session_search.snippet(row.content, text)
            return SessionMatch(session=record, snippet=found, role=row.role, at=row.at, seq=row.seq)
        last = await self.preview(record.id, 1)
        if not last:
            return SessionMatch(session=record, snippet="", role=None, at=record.updated_at, seq=None)
        return SessionMatch(session=record, snippet=last[0].text, role=last[0].role, at=last[0].at, seq=last[0].seq)

    async def preview(self, session_id: str, lines: int = 8, *, around: int | None = None) -> list[PreviewLine]:
        """Return the last messages of a conversation, a line each.

        Args:
            session_id: Which one.
            lines: How many at most.
            around: `seq` of a match: the messages around it instead of the last.
        """
        return await session_search.preview(self._database, session_id, lines, around)

    async def latest(self, folder: str | None = None, *, agent: str | None = None) -> SessionRecord | None:
        """Return the session used last, in `folder` or anywhere, of one agent or of any.

        Imported ones do not count, nor those that programs have with managed agents.
        """
        query = (
            _counted()
            .where(sessions.c.origin.not_in(("import", "managed", SPECIALIST)))
            .where(select(turns.c.id).where(turns.c.session_id == sessions.c.id).exists())
            .order_by(sessions.c.updated_at.desc())
            .limit(1)
        )
        if folder is not None:
            query = query.where(sessions.c.folder == folder)
        if agent is not None:
            query = query.where(sessions.c.agent == agent)
        rows = await self._database.rows(query)
        return SessionRecord(**rows[0]._mapping) if rows else None

    async def below(self, session_id: str) -> list[SessionRecord]:
        """Return the conversations of the specialists that worked for a session, in order."""
        query = _counted().where(sessions.c.parent_id == session_id, sessions.c.origin == SPECIALIST)
        rows = await self._database.rows(query.order_by(sessions.c.created_at, sessions.c.id))
        return [SessionRecord(**row._mapping) for row in rows]

    async def update(self, session_id: str, **values: Any) -> None:
        """Change columns of a session (`model`, `compaction`, `summarized_seq`, …)."""

        def work(connection: Connection) -> None:
            connection.execute(update(sessions).where(sessions.c.id == session_id).values(**values))

        await self._database.write(work)

    async def set_title(self, session_id: str, title: str, *, by_user: bool) -> None:
        """Name a session; a name given by the person is never replaced by an automatic one."""

        def work(connection: Connection) -> None:
            query = update(sessions).where(sessions.c.id == session_id)
            if not by_user:
                query = query.where(sessions.c.title_source != "user")
            connection.execute(query.values(title=title, title_source="user" if by_user else "auto"))

        await self._database.write(work)

    async def delete(self, session_id: str) -> None:
        """Remove a session with its turns; memories and tasks that came from it stay."""

        def work(connection: Connection) -> None:
            query = select(journal.c.seq, journal.c.id).where(journal.c.session_id == session_id)
            rows = connection.execute(query).all()
            fts.drop_rows(connection, "journal", [row.seq for row in rows])
            queue.enqueue(connection, "turn", [row.id for row in rows], "delete")
            forks = select(sessions.c.id).where(sessions.c.parent_id == session_id, sessions.c.origin != SPECIALIST)
            for child in list(connection.execute(forks).scalars()):
                _make_searchable(connection, child)
            raw(connection).execute(_DELETE, (session_id, SPECIALIST))

        await self._database.write(work)

    async def discard_empty(self, session_id: str) -> None:
        """Remove a session in which nothing was ever said, unless somebody named it, has it open or has its id."""

        def work(connection: Connection) -> None:
            connection.execute(
                delete(sessions).where(
                    sessions.c.id == session_id,
                    sessions.c.title_source != "user",
                    sessions.c.origin != "managed",
                    sessions.c.lease_owner.is_(None),
                    ~select(journal.c.seq).where(journal.c.session_id == session_id).exists(),
                )
            )

        await self._database.write(work)

    async def unsummarized(self, limit: int) -> Sequence[SessionRecord]:
        """Return sessions nobody has open that hold turns their summary does not cover."""
        newest = (
            select(func.max(journal.c.seq))
            .where(journal.c.session_id == sessions.c.id, journal.c.role == "user", journal.c.hidden == 0)
            .scalar_subquery()
        )
        query = (
            _counted()
            .where(sessions.c.origin != "import", sessions.c.private == 0, newest > sessions.c.summarized_seq)
            .where(sessions.c.lease_until < now_us())
            .order_by(sessions.c.updated_at.desc())
            .limit(limit)
        )
        return [SessionRecord(**row._mapping) for row in await self._database.rows(query)]

    async def acquire(self, session_id: str, owner: str) -> Lease | None:
        """Take or renew the right to write to a session.

        Returns:
            None when `owner` has it now, else who holds it.
        """
        host, pid = socket.gethostname(), os.getpid()

        def work(connection: Connection) -> Lease | None:
            row = connection.execute(
                select(
                    sessions.c.lease_owner, sessions.c.lease_pid, sessions.c.lease_host, sessions.c.lease_until
                ).where(sessions.c.id == session_id)
            ).first()
            if row is None:
                raise NotFoundError(f"There is no session {session_id!r}.")
            now = now_us()
            taken = row.lease_owner not in (None, owner) and row.lease_until > now
            if taken and not (row.lease_host == host and not is_alive(row.lease_pid)):
                return Lease(row.lease_owner, row.lease_pid, row.lease_host)
            connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id)
                .values(
                    lease_owner=owner,
                    lease_pid=pid,
                    lease_host=host,
                    lease_until=now + LEASE_SECONDS * 1_000_000,
                )
            )
            return None

        return await self._database.write(work)

    async def holder(self, session_id: str) -> Lease | None:
        """Return who has a session open for writing; a process of this machine that is gone has not."""
        rows = await self._database.rows(
            select(sessions.c.lease_owner, sessions.c.lease_pid, sessions.c.lease_host).where(
                sessions.c.id == session_id, sessions.c.lease_owner.is_not(None), sessions.c.lease_until > now_us()
            )
        )
        for owner, pid, host in rows:
            if host != socket.gethostname() or is_alive(pid):
                return Lease(owner, pid, host)
        return None

    async def release(self, session_id: str, owner: str) -> None:
        """Give the right to write back."""

        def work(connection: Connection) -> None:
            connection.execute(
                update(sessions)
                .where(sessions.c.id == session_id, sessions.c.lease_owner == owner)
                .values(lease_owner=None, lease_pid=None, lease_host=None, lease_until=0)
            )

        await self._database.write(work)


def _make_searchable(connection: Connection, session_id: str) -> None:
    """Index the copied rows of a fork, whose originals are about to go."""
    rows = connection.execute(
        select(journal.c.seq, journal.c.id, journal.c.content).where(
            journal.c.session_id == session_id,
            journal.c.content_hash.is_(None),
            journal.c.role.in_(("user", "assistant")),
        )
    ).all()
    from lra.store.journal import content_hash

    fts.index_rows(connection, "journal", [(row.seq, row.content) for row in rows])
    for row in rows:
        connection.execute(
            update(journal).where(journal.c.seq == row.seq).values(content_hash=content_hash(row.content))
        )
    queue.enqueue(connection, "turn", [row.id for row in rows])
