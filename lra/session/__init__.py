"""The session loop: run a turn, journal it, resume, fork, rewind, interrupt."""

from __future__ import annotations

from lra.session.library import run_agent
from lra.session.session import Session, SessionBusyError, SessionUsage

__all__ = ["Session", "SessionBusyError", "SessionUsage", "run_agent"]
