"""The audit log: what was decided and done, for the person to read later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from lra.store.clock import iso, now_us
from lra.store.database import Database
from lra.store.tables import audit_log


def append_events(
    connection: Connection,
    event_type: str,
    payloads: Sequence[Mapping[str, Any]],
    *,
    session_id: str | None = None,
    run_id: str = "",
) -> None:
    """Add events within a transaction; the payloads must hold no secret."""
    if payloads:
        now = now_us()
        connection.execute(
            insert(audit_log),
            [
                {
                    "run_id": run_id,
                    "session_id": session_id,
                    "event_type": event_type,
                    "payload": json.dumps(payload, ensure_ascii=False, default=str),
                    "at": now,
                }
                for payload in payloads
            ],
        )


class AuditLog:
    """Rows of the `audit_log` table, append-only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, event_type: str, payload: Mapping[str, Any], *, session_id: str | None = None, run_id: str = ""
    ) -> None:
        """Add one event; the payload must hold no secret."""
        await self._database.write(
            lambda connection: append_events(connection, event_type, [payload], session_id=session_id, run_id=run_id)
        )

    async def find(self, *, session_id: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return the last events, oldest first."""
        query = select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit)
        if session_id is not None:
            query = query.where(audit_log.c.session_id == session_id)
        rows = [row._mapping for row in await self._database.rows(query)]
        return [
            {
                "run_id": row["run_id"],
                "session": row["session_id"],
                "event_type": row["event_type"],
                "payload": json.loads(row["payload"]),
                "at": iso(row["at"]),
            }
            for row in reversed(rows)
        ]
