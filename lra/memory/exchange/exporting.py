"""Writing the record as JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator

from lra.memory.exchange.lines import fact_line, turn_line
from lra.store import StructuredMemoryStore
from lra.store.bulk import BulkReader

PAGE = 500


async def export_lines(store: StructuredMemoryStore) -> AsyncIterator[str]:
    """Give every spoken row, then every memory with its history, in the order they were written."""
    reader = BulkReader(store.database)
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
