"""What a hit shows of the row it was found in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from lra.store.clock import now_us
from lra.store.fts import Corpus, Filters
from lra.store.sqlite import raw


class FoundRow(NamedTuple):
    """A memory, or something that was said."""

    seq: int
    id: str
    session: str | None
    kind: str
    """A memory's kind, or `turn`."""
    content: str
    created_at: int
    namespace: str | None = None
    """A memory's; turns have none."""


def found_rows(connection: Connection, corpus: Corpus, seqs: Sequence[int]) -> dict[int, FoundRow]:
    """Return rows by their sequence numbers."""
    if not seqs:
        return {}
    kind, space = ("d.kind", "d.namespace") if corpus == "memories" else ("'turn'", "NULL")
    query = (
        f"SELECT d.seq, d.id, d.session_id, {kind}, d.content, d.created_at, {space}"
        f" FROM json_each(?) j CROSS JOIN {corpus} d ON d.seq = j.value"
    )
    rows = raw(connection).execute(query, (json.dumps(list(seqs)),)).fetchall()
    return {row[0]: FoundRow(*row) for row in rows}


def pinned_instructions(connection: Connection, filters: Filters) -> list[FoundRow]:
    """Return the pinned instructions in force that a reader may see, oldest first."""
    spaces = (filters.namespace,) if filters.namespace else filters.namespaces or ("default",)
    # The plus keeps the planner from reading every row of the namespace instead of the few pinned ones.
    query = (
        "SELECT seq, id, session_id, kind, content, created_at FROM memories"
        " WHERE pin = 1 AND +namespace IN (SELECT value FROM json_each(?)) AND kind = 'instruction'"
        " AND (? IS NULL OR agent IS NULL OR agent = ?) AND local_only <= ?"
        " AND superseded_by IS NULL AND (valid_to IS NULL OR valid_to > ?) ORDER BY seq"
    )
    values = (json.dumps(spaces), filters.agent, filters.agent, int(not filters.remote), now_us())
    return [FoundRow(*row) for row in raw(connection).execute(query, values).fetchall()]
