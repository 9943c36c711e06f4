"""The journal: every message, answer and tool result, appended as it happens."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from lra.errors import NotFoundError, UsageError
from lra.store import fts, queue
from lra.store.audit import append_events
from lra.store.clock import new_id, now_us
from lra.store.database import Database
from lra.store.extractions import skip_copied
from lra.store.records import Entry, JournalRow, TurnRecord
from lra.store.spending import BESIDE
from lra.store.sqlite import raw
from lra.store.tables import journal, sessions, stream_chunks, turns

_ROW = [journal.c[name] for name in JournalRow.__dataclass_fields__]
_TURN = [turns.c[name] for name in TurnRecord.__dataclass_fields__]
_SEARCHABLE = frozenset({"user", "assistant"})

_FIELDS = tuple(JournalRow.__dataclass_fields__)
# What every turn runs is written out: building a statement takes longer than SQLite takes to run it.
_INSERT = (
    "INSERT INTO journal(id, session_id, turn_id, role, speaker, content, payload, tool_name, tool_call_id, outcome,"
    " content_hash, created_at, hidden) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)"
)
_ROWS = f"SELECT {', '.join(_FIELDS)} FROM journal"
_BEGIN = (
    "INSERT INTO turns(session_id, number, model, started_at)"
    " SELECT ?, count(*) + 1, ?, ? FROM turns WHERE session_id = ? AND rewound_at IS NULL RETURNING id, number"
)


def content_hash(text: str) -> str:
    """Return the key under which a text's vectors are stored (SHA-256, hexadecimal)."""
    return hashlib.sha256(text.encode()).hexdigest()


def append_entries(connection: Connection, session_id: str, turn_id: int | None, entries: Sequence[Entry]) -> list[int]:
    """Insert rows with their full-text and outbox entries; returns their sequence numbers."""
    database = raw(connection)
    private = database.execute("SELECT 1 FROM sessions WHERE id = ? AND private = 1", (session_id,)).fetchone()
    seqs: list[int] = []
    searchable: list[tuple[int, str, str]] = []
    for entry in entries:
        indexed = not private and entry.searchable and entry.role in _SEARCHABLE and bool(entry.content.strip())
        row_id = entry.id or new_id(16)
        inserted = database.execute(
            _INSERT,
            (
                row_id,
                session_id,
                turn_id,
                entry.role,
                entry.speaker,
                entry.content,
                entry.payload,
                entry.tool_name,
                entry.tool_call_id,
                entry.outcome,
                content_hash(entry.content) if indexed else None,
                entry.created_at if entry.created_at is not None else now_us(),
            ),
        )
        seq = inserted.lastrowid
        assert seq is not None
        seqs.append(seq)
        if indexed:
            spoken = f"{entry.speaker}: {entry.content}" if entry.speaker else entry.content
            searchable.append((seq, row_id, spoken))
    fts.index_rows(connection, "journal", [(seq, text) for seq, _, text in searchable])
    queue.enqueue(connection, "turn", [row_id for _, row_id, _ in searchable])
    return seqs


def drop_stream(connection: Connection, turn_id: int | None) -> None:
    """Remove the pieces kept for a turn, whose whole is in the journal now."""
    raw(connection).execute("DELETE FROM stream_chunks WHERE turn_id = ?", (turn_id,))


def hide_turns(connection: Connection, session_id: str, turn_ids: Sequence[int]) -> None:
    """Hide turns with their rows, which stay in the record, and take them out of the search indexes."""
    rows = connection.execute(select(journal.c.seq, journal.c.id).where(journal.c.turn_id.in_(turn_ids))).all()
    connection.execute(update(turns).where(turns.c.id.in_(turn_ids)).values(rewound_at=now_us()))
    connection.execute(update(journal).where(journal.c.turn_id.in_(turn_ids)).values(hidden=1))
    fts.drop_rows(connection, "journal", [row.seq for row in rows])
    queue.enqueue(connection, "turn", [row.id for row in rows], "delete")
    # A compaction state may speak of rows that are gone.
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(compaction=None))


class Journal:
    """Turns and journal rows of every session."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_turn(self, session_id: str, entry: Entry, *, model: str, title: str = "") -> TurnRecord:
        """Open a turn with the person's message, durable before it returns.

        Args:
            session_id: Whose.
            entry: The message.
            model: Who is to answer; empty for nobody, which leaves the session's model as it is.
            title: Name for the session, unless the person has given it one.
        """

        def work(connection: Connection) -> TurnRecord:
            now = now_us()
            database = raw(connection)
            ((turn_id, number),) = database.execute(_BEGIN, (session_id, model, now, session_id)).fetchall()
            append_entries(connection, session_id, turn_id, [entry])
            database.execute(
                "UPDATE sessions SET updated_at = ?, model = coalesce(nullif(?, ''), model) WHERE id = ?",
                (now, model, session_id),
            )
            if title:
                database.execute(
                    "UPDATE sessions SET title = ?, title_source = 'auto' WHERE id = ? AND title_source != 'user'",
                    (title, session_id),
                )
            return TurnRecord(
                id=turn_id,
                session_id=session_id,
                number=number,
                model=model,
                outcome=None,
                started_at=now,
                ended_at=None,
                requests=0,
                tool_calls=0,
                input_tokens=0,
                output_tokens=0,
                cache_read_tokens=0,
                cache_write_tokens=0,
                cost=None,
                recalled=[],
                remembered=[],
                error=None,
            )

        return await self._database.write(work)

    async def append(
        self, session_id: str, turn_id: int | None, entries: Sequence[Entry], *, whole: bool = False
    ) -> list[int]:
        """Add rows to a turn.

        Args:
            session_id: Whose.
            turn_id: Which turn; None for rows outside any turn.
            entries: The rows.
            whole: Whether the rows replace what had been streamed so far.
        """

        def work(connection: Connection) -> list[int]:
            seqs = append_entries(connection, session_id, turn_id, entries)
            if whole:
                drop_stream(connection, turn_id)
            return seqs

        return await self._database.write(work)

    async def streamed(self, turn_id: int) -> list[tuple[str, str]]:
        """Return the pieces kept for a turn, in order."""
        rows = await self._database.rows(
            select(stream_chunks.c.kind, stream_chunks.c.content)
            .where(stream_chunks.c.turn_id == turn_id)
            .order_by(stream_chunks.c.seq)
        )
        return [(kind, content) for kind, content in rows]

    async def finish_turn(
        self,
        turn_id: int,
        *,
        outcome: str,
        entries: Sequence[Entry] = (),
        error: str | None = None,
        recalled: Sequence[str] = (),
        remembered: Sequence[str] = (),
        usage: dict[str, int] | None = None,
        cost: float | None = None,
        decided: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Close a turn, with its last rows and what was decided about its tools, in one transaction."""

        def work(connection: Connection) -> None:
            now = now_us()
            values: dict[str, object] = {
                "outcome": outcome,
                "ended_at": now,
                "error": error,
                "recalled": json.dumps(list(recalled)),
                "remembered": json.dumps(list(remembered)),
                "cost": cost,
                **(usage or {}),
            }
            columns = ", ".join(f"{name} = ?" for name in values)
            database = raw(connection)
            ((session_id,),) = database.execute(
                f"UPDATE turns SET {columns} WHERE id = ? RETURNING session_id", (*values.values(), turn_id)
            ).fetchall()
            append_entries(connection, session_id, turn_id, entries)
            drop_stream(connection, turn_id)
            append_events(connection, "approval", decided, session_id=session_id, run_id=str(turn_id))
            database.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (now, session_id))

        await self._database.write(work)

    async def rows(
        self, session_id: str, *, after: int = 0, turn_id: int | None = None, limit: int | None = None
    ) -> list[JournalRow]:
        """Return the visible rows of a session in order; with `limit`, the last so many."""
        query, parameters = f"{_ROWS} WHERE session_id = ? AND hidden = 0 AND seq > ?", [session_id, after]
        if turn_id is not None:
            query, parameters = f"{query} AND turn_id = ?", [*parameters, turn_id]
        query += " ORDER BY seq DESC LIMIT ?" if limit else " ORDER BY seq"
        found = await self._database.query(
            lambda connection: raw(connection).execute(query, [*parameters, limit] if limit else parameters).fetchall()
        )
        rows = [JournalRow(**dict(zip(_FIELDS, row, strict=True))) for row in found]
        return rows[::-1] if limit else rows

    async def recent(
        self, limit: int, *, session_id: str | None = None, exclude_session: str | None = None
    ) -> list[JournalRow]:
        """Return the last spoken rows (no tools) of one session or of all, oldest first."""
        query = select(*_ROW).where(
            journal.c.hidden == 0, journal.c.role.in_(("user", "assistant")), journal.c.content != ""
        )
        if session_id is not None:
            query = query.where(journal.c.session_id == session_id)
        else:
            # What was said without memory is for its own conversation alone.
            private = select(sessions.c.id).where(sessions.c.private == 1)
            query = query.where(journal.c.session_id.not_in(private))
        if exclude_session is not None:
            query = query.where(journal.c.session_id != exclude_session)
        found = await self._database.rows(query.order_by(journal.c.seq.desc()).limit(limit))
        return [JournalRow(**row._mapping) for row in found][::-1]

    async def turns(self, session_id: str, *, undone: bool = False) -> list[TurnRecord]:
        """Return the turns of a session in order, without those that were rewound.

        Args:
            session_id: Which session.
            undone: Return the rewound ones instead.
        """
        kept = turns.c.rewound_at.is_not(None) if undone else turns.c.rewound_at.is_(None)
        query = select(*_TURN).where(turns.c.session_id == session_id, kept).order_by(turns.c.id)
        return [_turn(row) for row in await self._database.rows(query)]

    async def spent(self, session_id: str) -> tuple[float, int]:
        """Return dollars and tokens used in a session so far, rewound turns and what was no turn included."""
        (row,) = await self._database.rows(
            "SELECT coalesce(sum(cost), 0.0), coalesce(sum(input_tokens + output_tokens), 0) FROM ("
            "SELECT cost, input_tokens, output_tokens FROM turns WHERE session_id = ?1 UNION ALL"
            f" SELECT cost, input_tokens, output_tokens FROM ({BESIDE}))",
            (session_id,),
        )
        return float(row[0]), int(row[1])

    async def rewind(self, session_id: str, number: int) -> list[TurnRecord]:
        """Hide turn `number` and everything after it; the rows stay in the record.

        Returns:
            The turns that were undone.

        Raises:
            UsageError: The session has no such turn.
        """
        undone = [turn for turn in await self.turns(session_id) if turn.number >= number]
        if not undone or number < 1:
            raise UsageError(f"Session {session_id} has no turn {number}.")

        await self._database.write(lambda connection: hide_turns(connection, session_id, [turn.id for turn in undone]))
        return undone

    async def copy(self, source: str, target: str, *, until: int | None = None) -> None:
        """Copy the visible turns of a session into a fork.

        The copies are left out of the search indexes: the originals are in them.

        Args:
            source: The session to copy from.
            target: An empty session.
            until: Last turn number to copy; all by default.
        """

        def work(connection: Connection) -> None:
            query = select(turns).where(turns.c.session_id == source, turns.c.rewound_at.is_(None))
            if until is not None:
                query = query.where(turns.c.number <= until)
            for turn in connection.execute(query.order_by(turns.c.id)).mappings().all():
                # What the copied turns cost was paid in the original session.
                values = {key: turn[key] for key in ("number", "model", "outcome", "started_at", "ended_at", "error")}
                result = connection.execute(
                    insert(turns), {**values, "outcome": turn["outcome"] or "interrupted", "session_id": target}
                )
                new_turn = int(result.inserted_primary_key[0])  # type: ignore[index]
                rows = connection.execute(
                    select(journal).where(journal.c.turn_id == turn["id"]).order_by(journal.c.seq)
                ).mappings()
                for row in rows.all():
                    copied = {key: value for key, value in row.items() if key not in {"seq", "content_hash"}}
                    copied |= {"id": new_id(16), "session_id": target, "turn_id": new_turn}
                    connection.execute(insert(journal), copied)
            skip_copied(connection, target)

        await self._database.write(work)

    async def by_ids(self, ids: Sequence[str]) -> dict[str, JournalRow]:
        """Return rows by their ids."""
        return await self._where(journal.c.id.in_(ids))

    async def _where(self, condition: Any) -> dict[str, JournalRow]:
        rows = await self._database.rows(select(*_ROW).where(condition))
        return {row.id: JournalRow(**row._mapping) for row in rows}

    async def get(self, row_id: str) -> JournalRow:
        """Return one row.

        Raises:
            NotFoundError: There is none.
        """
        if row := (await self.by_ids([row_id])).get(row_id):
            return row
        raise NotFoundError(f"There is no turn {row_id!r}.")


def _turn(row: Any) -> TurnRecord:
    values = dict(row._mapping)
    return TurnRecord(
        **{**values, "recalled": json.loads(values["recalled"]), "remembered": json.loads(values["remembered"])}
    )
