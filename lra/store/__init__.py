"""The record: everything a person could miss, in one SQL database."""

from __future__ import annotations

from lra.store.records import Entry, JournalRow, MemoryRecord, NewMemory, SessionRecord, TaskRecord, TurnRecord
from lra.store.structured import StructuredMemoryStore

__all__ = [
    "Entry",
    "JournalRow",
    "MemoryRecord",
    "NewMemory",
    "SessionRecord",
    "StructuredMemoryStore",
    "TaskRecord",
    "TurnRecord",
]
