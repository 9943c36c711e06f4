"""What a model is to pick out of sessions that have ended, and what it picked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from lra.store.clock import now_us
from lra.store.database import Database
from lra.store.spending import Spent
from lra.store.sqlite import raw

MOST_ATTEMPTS = 3
_CLAIM = 180 * 1_000_000
"""Microseconds for which a process that asks a model keeps others from asking the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Part of a session whose facts are not picked out yet."""

    seq: int
    session_id: str
    after: int
    """The journal's last row that was looked at before."""
    until: int


def skip_copied(connection: Connection, session_id: str) -> None:
    """Count what a fork has copied as looked at: it is the original's to tell."""
    raw(connection).execute(
        "INSERT INTO extractions(session_id, until_seq, state, told, at)"
        " SELECT ?1, max(seq), 'done', 1, ?2 FROM journal WHERE session_id = ?1 HAVING max(seq) IS NOT NULL",
        (session_id, now_us()),
    )


class ExtractionStore:
    """Rows of the `extractions` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owe(self, session_id: str) -> None:
        """Note that a session has ended and holds messages nobody has looked at; nothing when it does not."""

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "INSERT INTO extractions(session_id, until_seq, at)"
                " SELECT ?1, max(seq), ?2 FROM journal WHERE session_id = ?1 AND role = 'user' AND hidden = 0"
                " AND seq > (SELECT coalesce(max(until_seq), 0) FROM extractions WHERE session_id = ?1)"
                " HAVING max(seq) IS NOT NULL",
                (session_id, now_us()),
            )

        await self._database.write(work)

    async def open_to_memory(self, session_id: str, after: int) -> set[int]:
        """Return the rows of a session after a row that others may know of: not what was said without memory."""
        rows = await self._database.rows(
            "SELECT seq FROM journal WHERE session_id = ? AND seq > ? AND content_hash IS NOT NULL", (session_id, after)
        )
        return {row[0] for row in rows}

    async def owed(self, session_id: str | None = None, limit: int = 5) -> list[int]:
        """Return what waits, the latest first; of one session or of all."""
        rows = await self._database.rows(
            "SELECT seq FROM extractions WHERE state = 'owed' AND claimed_until < ? AND (? IS NULL OR session_id = ?)"
            " ORDER BY seq DESC LIMIT ?",
            (now_us(), session_id, session_id, limit),
        )
        return [row[0] for row in rows]

    async def claim(self, seq: int) -> Owed | None:
        """Take one of what waits; None when another process has it, or it was tried too often."""

        def work(connection: Connection) -> Owed | None:
            now, database = now_us(), raw(connection)
            database.execute(
                "UPDATE extractions SET state = 'dropped' WHERE seq = ? AND state = 'owed' AND attempts >= ?",
                (seq, MOST_ATTEMPTS),
            )
            found = database.execute(
                "UPDATE extractions SET attempts = attempts + 1, claimed_until = ?"
                " WHERE seq = ? AND state = 'owed' AND claimed_until < ? RETURNING session_id, until_seq",
                (now + _CLAIM, seq, now),
            ).fetchall()
            if not found:
                return None
            ((session_id, until),) = found
            ((after,),) = database.execute(
                "SELECT coalesce(max(until_seq), 0) FROM extractions WHERE session_id = ? AND seq < ?",
                (session_id, seq),
            ).fetchall()
            return Owed(seq=seq, session_id=session_id, after=after, until=until)

        return await self._database.write(work)

    async def give_back(self, seq: int) -> None:
        """Let it be tried again, after an attempt that failed."""

        def work(connection: Connection) -> None:
            raw(connection).execute("UPDATE extractions SET claimed_until = 0 WHERE seq = ?", (seq,))

        await self._database.write(work)

    async def spend(self, seq: int, model: str, spent: Spent) -> None:
        """Note what a request took, as soon as it is answered."""

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "UPDATE extractions SET model = ?, cost = CASE WHEN requests = 0 THEN ? ELSE cost + ? END,"
                " requests = requests + ?, input_tokens = input_tokens + ?, output_tokens = output_tokens + ?"
                " WHERE seq = ?",
                (model, spent.cost, spent.cost, spent.requests, spent.input_tokens, spent.output_tokens, seq),
            )

        await self._database.write(work)

    async def done(self, seq: int, wrote: Sequence[str]) -> None:
        """Close it with the memories that were written."""

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "UPDATE extractions SET state = 'done', wrote = ?, told = ? WHERE seq = ?",
                (json.dumps(list(wrote)), int(not wrote), seq),
            )

        await self._database.write(work)

    async def tell(self) -> list[str]:
        """Return the ids of memories that were written and not shown yet, and count them as shown."""
        # A reader looks first: most starts have nothing to tell, and need no write.
        if not await self._database.rows("SELECT 1 FROM extractions WHERE told = 0 AND state = 'done' LIMIT 1"):
            return []

        def work(connection: Connection) -> list[str]:
            rows = raw(connection).execute(
                "UPDATE extractions SET told = 1 WHERE told = 0 AND state = 'done' RETURNING wrote"
            )
            return [memory_id for (wrote,) in rows.fetchall() for memory_id in json.loads(wrote)]

        return await self._database.write(work)
