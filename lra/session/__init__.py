"""The session loop: run a turn, journal it, resume, fork, rewind, interrupt.

Names load on first use, so that reading a conversation does not load the packages it takes to hold one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.session.library import run_agent
    from lra.session.session import Session, SessionBusyError, SessionUsage

__all__ = ["Session", "SessionBusyError", "SessionUsage", "run_agent"]


def __getattr__(name: str) -> Any:
    if name == "run_agent":
        return import_module("lra.session.library").run_agent
    if name in __all__:
        return getattr(import_module("lra.session.session"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
