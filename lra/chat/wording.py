"""What is said in the shell's words, said in those of the conversation."""

from __future__ import annotations

import logging
import re

from lra.errors import LraError
from lra.text import one_line

_HERE = (
    (r"`lra sessions (?:list|search WORDS)`", "/sessions"),
    (r"`lra memory search WORDS`", "/memory WORDS"),
    (r"`lra memory forget`", "/forget"),
    (r"`lra memory list`", "/memory"),
    (r"`lra tasks list`", "/tasks all"),
    (r"`lra list-tools`", "/tools"),
    (r"`lra doctor`", "/doctor"),
    (r"`lra chat -r \S+ --fork`", "/fork"),
    (r"`lra chat -r (\S+)`", r"/resume \1"),
    (r"choose another with --model or LRA_MODEL", "choose another with /model"),
    (r"or choose another model\b", "or choose another model with /model"),
    (r"start a new session\b", "start a new conversation with /new"),
)
_PATTERNS = tuple((re.compile(pattern), command) for pattern, command in _HERE)


def in_chat(text: str) -> str:
    """Return a sentence with the commands of a conversation in place of those of the shell that do the same."""
    for pattern, command in _PATTERNS:
        text = pattern.sub(command, text)
    return text


def sentence_of(error: BaseException) -> str:
    """Return an error as a conversation says it; where a defect happened goes to the log."""
    if isinstance(error, LraError):
        return in_chat(str(error))
    logging.getLogger("lra.chat").error("a defect", exc_info=error)
    what = one_line(f"{type(error).__name__}: {error}".rstrip(": "), 300).rstrip(".")
    return f"Something went wrong: {what}. `lra logs` shows where."
