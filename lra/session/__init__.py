"""The session loop: run a turn, journal it, resume, fork, rewind, interrupt.

Names load on first use, so that reading a conversation does not load the packages it takes to hold one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.session.library import run_agent, run_agent_sync
    from lra.session.session import Session
    from lra.session.sync import SyncSession
    from lra.session.tenancy import SessionBusyError
    from lra.session.usage import SessionUsage

__all__ = ["Session", "SessionBusyError", "SessionUsage", "SyncSession", "run_agent", "run_agent_sync"]

_HOMES = {
    "SessionBusyError": "tenancy",
    "SessionUsage": "usage",
    "SyncSession": "sync",
    "run_agent": "library",
    "run_agent_sync": "library",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module(f"lra.session.{_HOMES.get(name, 'session')}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
