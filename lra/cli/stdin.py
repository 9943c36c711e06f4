"""Standard input as text."""

from __future__ import annotations

import sys


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
