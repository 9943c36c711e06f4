"""Writing the record as JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator

from lra.memory.exchange.lines import fact_line, session_line, turn_line, vector_line
from lra.store import StructuredMemoryStore
from lra.store.bulk_reading import BulkReader

PAGE = 500


async def export_lines(store: StructuredMemoryStore, *, vectors: bool = False) -> AsyncIterator[str]:
    """Give every spoken row, then every memory with its history, in the order they were written.

    Sessions that have a title or another trait of their own come first.

    Args:
        store: The record.
        vectors: Whether to add the stored vectors, so that nothing has to be embedded again.
    """
    reader = BulkReader(store.database)
    for session in await reader.sessions():
        yield session_line(session)
    after = 0
    while rows := await reader.turns(after=after, limit=PAGE):
        for row in rows:
            yield turn_line(row)
        after = rows[-1].seq
    after = 0
    while records := await reader.memories(after=after, limit=PAGE):
        histories = await reader.histories([record.id for record in records])
        for record in records:
            yield fact_line(record, histories.get(record.id, []))
        after = records[-1].seq
    after = 0
    while vectors and (stored := await reader.vectors(after=after, limit=PAGE)):
        for vector in stored:
            yield vector_line(vector.line)
        after = stored[-1].seq
