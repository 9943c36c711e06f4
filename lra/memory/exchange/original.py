"""Importing what the original program left, with the report that every import gives."""

from __future__ import annotations

from lra.memory.exchange.formats import Source
from lra.memory.exchange.report import ImportReport
from lra.store import StructuredMemoryStore
from lra.store.legacy import import_legacy


async def import_original(store: StructuredMemoryStore, source: Source, *, dry_run: bool) -> ImportReport:
    """Read the database of the original program.

    Raises:
        StoreError: It cannot be read; nothing was kept.
    """
    done = await import_legacy(store, source.files[0], dry_run=dry_run)
    return ImportReport(
        turns=done.turns,
        facts=done.memories,
        skipped=done.known,
        sessions=done.sessions,
        tasks=done.tasks,
        format=source.format,
        kinds={"fact": done.memories} if done.memories else {},
        dry_run=dry_run,
    )
