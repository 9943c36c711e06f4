"""lra: a chat agent that remembers, as a library.

Names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.agent.library import create_agent
    from lra.memory import Memory, VectorMemoryStore
    from lra.session import Session, run_agent
    from lra.store import StructuredMemoryStore
    from lra.tools.deps import AgentDeps

__version__ = "0.1.0"

__all__ = [
    "AgentDeps",
    "Memory",
    "Session",
    "StructuredMemoryStore",
    "VectorMemoryStore",
    "__version__",
    "create_agent",
    "run_agent",
]

_HOME = {
    "AgentDeps": "lra.tools.deps",
    "Memory": "lra.memory",
    "Session": "lra.session",
    "StructuredMemoryStore": "lra.store",
    "VectorMemoryStore": "lra.memory",
    "create_agent": "lra.agent.library",
    "run_agent": "lra.session",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
