"""Standard input as text."""

from __future__ import annotations

import os
import sys

from lra.cli import notices

PATIENCE = 3.0
"""Seconds to wait for the first byte when there is enough to work with already."""


def is_terminal() -> bool:
    """Tell whether standard input is a terminal."""
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):
        return False


def read_all() -> str:
    """Return everything on standard input; bytes that are no UTF-8 stay as surrogate escapes."""
    if sys.stdin is None or sys.stdin.closed:
        return ""
    return sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape")


def read_addition() -> str:
    """Return what is piped in beside a text that was given already.

    A pipe that somebody forgot to close must not block the answer for ever.
    """
    if sys.stdin is None or sys.stdin.closed or is_terminal():
        return ""
    import select
    import stat

    mode = os.fstat(sys.stdin.fileno()).st_mode
    waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    if waits and not select.select([sys.stdin.fileno()], [], [], PATIENCE)[0]:
        notices.say(f"lra: nothing came on standard input for {PATIENCE:.0f} s, going on without it.")
        return ""
    return read_all()
