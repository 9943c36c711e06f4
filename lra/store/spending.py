"""What sessions spent on models beside their turns: on summaries, and on picking out facts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from lra.store.clock import now_us
from lra.store.database import Database
from lra.store.sqlite import raw

BESIDE = (
    "SELECT requests, input_tokens, output_tokens, cost FROM extractions WHERE session_id = ?1 UNION ALL"
    " SELECT requests, input_tokens, output_tokens, cost FROM requests_beside WHERE session_id = ?1"
)
"""One row for each piece of work of a session that was no turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What asking a model took."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0
    """US dollars; None when the model has no known price."""


class Spending:
    """Rows of the `requests_beside` table, and sums with what the `extractions` table says.

    Args:
        database: The record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session_id: str, purpose: Literal["summary"], model: str, spent: Spent) -> None:
        """Note what a request took.

        Args:
            session_id: Which session it was for.
            purpose: What it was for.
            model: Who was asked.
            spent: What it took.
        """

        def work(connection: Connection) -> None:
            raw(connection).execute(
                "INSERT INTO requests_beside"
                "(session_id, purpose, model, requests, input_tokens, output_tokens, cost, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    session_id,
                    purpose,
                    model,
                    spent.requests,
                    spent.input_tokens,
                    spent.output_tokens,
                    spent.cost,
                    now_us(),
                ),
            )

        await self._database.write(work)

    async def beside(self, session_id: str) -> Spent:
        """Return what a session spent beside its turns."""
        ((requests, entry, answer, cost, unknown),) = await self._database.rows(
            "SELECT coalesce(sum(requests), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0),"
            f" coalesce(sum(cost), 0.0), coalesce(sum(requests > 0 AND cost IS NULL), 0) FROM ({BESIDE})",
            (session_id,),
        )
        return Spent(requests=requests, input_tokens=entry, output_tokens=answer, cost=None if unknown else float(cost))
