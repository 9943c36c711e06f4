"""Code that a message asks to run: a fenced Python block, or a short piece after a verb."""

from __future__ import annotations

import re

from lra.agent.offline.words import LOOK, is_question_marked

_PYTHON = frozenset({"python", "py", "python3", "py3", "pycon"})
_MOST_FENCES = 20
_RUN = re.compile(
    r"(?:run|execute|evaluate|eval)\b(?:[ \t]+(?:this|the|that|following|some|my|python3?|code|snippet|script|program|"
    r"block|expression|for me|in the sandbox|in a sandbox|and show me|it))*[ \t]*(?P<colon>:?)\s*(?P<code>.*)",
    re.I | re.S,
)
_LOOKS_LIKE_CODE = re.compile(r"\w+\(|[=\[\]{}]|^[\d(][\d\s+\-*/%().]*$|^import |^from \w+ import ")
_TALK_ABOUT = re.compile(
    r"\b(?:explain|what does|what do|why|review|improve|refactor|translate|fix|meaning|understand)\b", re.I
)


def read_code(text: str, spoken: str) -> tuple[str, str] | None:
    """Return the code a message asks to run and its language, or None when it asks for none.

    Args:
        text: The whole message; code is taken from it unchanged.
        spoken: The head of the message without politeness, which says what is wanted.
    """
    wants_run = _RUN.match(spoken)
    block = _fenced(text)
    if block is not None:
        code, language, outside = block
        talked = _TALK_ABOUT.search(outside) or is_question_marked(outside)
        if language in _PYTHON:
            return (code, "python") if wants_run or not talked else None
        if wants_run:
            return code, language or "python"
        return None
    if wants_run is None:
        return None
    code = wants_run["code"].strip()
    inline = re.fullmatch(r"(`{1,2})([^`].*?)\1[ .?!]*(?:for me|please|in the sandbox)?[ .?!]*", code, re.S)
    if inline:
        return inline[2].strip(), "python"
    if code and (wants_run["colon"] or _LOOKS_LIKE_CODE.search(code)):
        return code, "python"
    return None


def _fenced(text: str) -> tuple[str, str, str] | None:
    """Return the first Python block, else the first block: its code, its language, the words around it."""
    first: tuple[str, str, str] | None = None
    at = 0
    for _ in range(_MOST_FENCES):
        start = text.find("```", at)
        line_end = text.find("\n", start)
        if start < 0 or line_end < 0:
            break
        end = text.find("```", line_end)
        stop = end if end >= 0 else len(text)
        words = text[start + 3 : min(line_end, start + 43)].strip("` \t\r").lower().split()
        language = words[0] if words else ""
        outside = text[max(0, start - LOOK // 2) : start] + text[stop + 3 : stop + LOOK // 2]
        block = (text[line_end + 1 : stop].strip("\r\n"), language, outside)
        if block[0].strip() and language in _PYTHON:
            return block
        if block[0].strip() and first is None:
            first = block
        at = stop + 3
        if end < 0:
            break
    return first
