"""Calling a person who is looking elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lra.text import one_line

LONG = 10.0
"""Seconds after which the end of a turn is worth a call."""
_BELL = "\a"


def call_for(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return what to send so that a person who looks elsewhere notices.

    The bell always; beside it a desktop notification in the form the terminal understands, where it is known to.
    """
    text = one_line(text, 120).replace(";", ",").replace("\ufffd", "")
    program, term = environ.get("TERM_PROGRAM", ""), environ.get("TERM", "")
    if environ.get("TMUX") or environ.get("STY"):
        # A multiplexer passes the bell on as its own alert and knows nothing of the rest.
        return _BELL
    if program in {"iTerm.app", "WezTerm", "ghostty"} or "kitty" in term or environ.get("ConEmuPID"):
        return f"\x1b]9;{text}\x1b\\{_BELL}"
    if "rxvt" in term or environ.get("VTE_VERSION") or term.startswith("foot"):
        return f"\x1b]777;notify;lra;{text}\x1b\\{_BELL}"
    return _BELL
