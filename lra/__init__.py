"""lra: a chat agent that remembers, as a library.

Names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.agent.capabilities import MemoryCapability, SandboxCapability, TaskCapability
    from lra.agent.library import create_agent
    from lra.agent.specialists import Specialist
    from lra.managed.agent import Agent
    from lra.memory import Memory, VectorMemoryStore
    from lra.session import Session, SyncSession, run_agent, run_agent_sync
    from lra.store import StructuredMemoryStore
    from lra.tools.deps import AgentDeps

__version__ = "0.1.0"

__all__ = [
    "Agent",
    "AgentDeps",
    "Memory",
    "MemoryCapability",
    "SandboxCapability",
    "Session",
    "Specialist",
    "StructuredMemoryStore",
    "SyncSession",
    "TaskCapability",
    "VectorMemoryStore",
    "__version__",
    "create_agent",
    "run_agent",
    "run_agent_sync",
]

_HOME = {
    "Agent": "lra.managed.agent",
    "AgentDeps": "lra.tools.deps",
    "Memory": "lra.memory",
    "MemoryCapability": "lra.agent.capabilities",
    "SandboxCapability": "lra.agent.capabilities",
    "Session": "lra.session",
    "Specialist": "lra.agent.specialists",
    "SyncSession": "lra.session",
    "TaskCapability": "lra.agent.capabilities",
    "StructuredMemoryStore": "lra.store",
    "VectorMemoryStore": "lra.memory",
    "create_agent": "lra.agent.library",
    "run_agent": "lra.session",
    "run_agent_sync": "lra.session",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
