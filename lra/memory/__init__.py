"""Long-term memory: remember, search, recall, forget.

Nothing is imported here before it is used: who only asks what a secret is needs no database, and numpy, onnxruntime and
chromadb load when they are first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.memory.exchange.report import ImportReport
    from lra.memory.hits import Hit, MemoryStatus, Scope, Write
    from lra.memory.memory import Memory
    from lra.memory.vector_store import VectorMemoryStore

__all__ = ["Hit", "ImportReport", "Memory", "MemoryStatus", "Scope", "VectorMemoryStore", "Write"]

_MODULES = {
    "Hit": "hits",
    "ImportReport": "exchange.report",
    "Memory": "memory",
    "MemoryStatus": "hits",
    "Scope": "hits",
    "VectorMemoryStore": "vector_store",
    "Write": "hits",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"lra.memory.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
