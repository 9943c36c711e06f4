"""Long-term memory: remember, search, recall, forget.

Nothing heavy is imported here; numpy, onnxruntime and chromadb load when they are first needed.
"""

from __future__ import annotations

from lra.memory.exchange.report import ImportReport
from lra.memory.hits import Hit, MemoryStatus, Scope, Write
from lra.memory.memory import Memory
from lra.memory.vector_store import VectorMemoryStore

__all__ = ["Hit", "ImportReport", "Memory", "MemoryStatus", "Scope", "VectorMemoryStore", "Write"]
