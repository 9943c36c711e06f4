"""The record: everything a person could miss, in one SQL database.

Names load on first use, so that a front can import the inbox without SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name == "StructuredMemoryStore":
        return import_module("lra.store.structured").StructuredMemoryStore
    if name in __all__:
        return getattr(import_module("lra.store.records"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
