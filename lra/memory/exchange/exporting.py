"""Writing the record as JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from lra.memory.exchange.lines import fact_line, turn_line, vector_line
from lra.store import StructuredMemoryStore
from lra.store.bulk import SessionLine
from lra.store.bulk_reading import BulkReader

PAGE = 500


async def export_lines(store: StructuredMemoryStore, *, vectors: bool = False) -> AsyncIterator[str]:
    """Give every spoken row, then every memory with its history, in the order they were written.

    The first line of a session also says what the session is.

    Args:
        store: The record.
        vectors: Whether to add the stored vectors, so that nothing has to be embedded again.
    """
    reader = BulkReader(store.database)
    sessions = _Sessions(await reader.sessions())
    after = 0
    while rows := await reader.turns(after=after, limit=PAGE):
        for row in rows:
            yield turn_line(row, sessions.first(row.session_id))
        after = rows[-1].seq
    after = 0
    while records := await reader.memories(after=after, limit=PAGE):
        histories = await reader.histories([record.id for record in records])
        for record in records:
            yield fact_line(record, histories.get(record.id, []), sessions.first(record.session_id))
        after = records[-1].seq
    after = 0
    while vectors and (stored := await reader.vectors(after=after, limit=PAGE)):
        for vector in stored:
            yield vector_line(vector.line)
        after = stored[-1].seq


class _Sessions:
    """Says once of each session what it is."""

    def __init__(self, sessions: list[SessionLine]) -> None:
        self._left = {session.id: session for session in sessions}
        self._named: set[str] = set()

    def first(self, session_id: str | None) -> SessionLine | None:
        """Return a session that was not named before, when it has more to say than its lines."""
        if session_id is None:
            return None
        self._named.add(session_id)
        session = self._left.pop(session_id, None)
        # A parent that comes later could not be told when the line is read.
        if session and session.parent_id and session.parent_id not in self._named:
            return replace(session, parent_id=None)
        return session
