"""What is said in the shell's words, said in those of the conversation."""

from __future__ import annotations

import re

from lra.errors import LraError

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


def sentence_of(error: LraError) -> str:
    """Return an error as a conversation says it."""
    return in_chat(str(error))
