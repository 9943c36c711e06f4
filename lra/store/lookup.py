"""Finding one row by its id or by the beginning of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Row, Table, select

from lra.errors import NotFoundError
from lra.store.database import Database


async def by_prefix(
    database: Database, table: Table, columns: Sequence[Column[Any]], prefix: str, *, kind: tuple[str, str], hint: str
) -> Row[Any]:
    """Return the row with this id, or the only one whose id begins so.

    Args:
        database: The record.
        table: A table with a text column `id`.
        columns: What to read.
        prefix: The id or its beginning.
        kind: What the rows are, singular and plural, for the sentences.
        hint: Where the person finds the ids.

    Raises:
        NotFoundError: None or several match.
    """
    rows = await database.rows(
        select(*columns).where(table.c.id.startswith(prefix, autoescape=True)).order_by(table.c.id != prefix).limit(2)
    )
    if prefix and rows and (rows[0].id == prefix or len(rows) == 1):
        found: Row[Any] = rows[0]
        return found
    if prefix and rows:
        raise NotFoundError(f"{prefix!r} is the beginning of several {kind[1]}.")
    raise NotFoundError(f"There is no {kind[0]} {prefix!r}.", hint=hint)
