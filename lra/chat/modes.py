"""The modes of the terminal that a standing prompt turns on, and how they are left."""

from __future__ import annotations

import contextlib
import sys

ON = "\x1b[?2004h\x1b[?1004h"
"""Pasted text is marked, and the terminal says when it gains or loses the focus."""
OFF = "\x1b[?1004l\x1b[?2004l"
WRAP, NO_WRAP = "\x1b[?7h", "\x1b[?7l"
BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""What stands between them is to be shown at once."""


def release_terminal() -> None:
    """Leave every mode that may have been entered, whatever went wrong before."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout.isatty():
            sys.stdout.write(f"{END}{OFF}{WRAP}\x1b[?25h\x1b[0m")
            sys.stdout.flush()
