"""How blocks begin: what one line alone can tell. Tables and HTML as markdown-it sees them."""

from __future__ import annotations

import re

from markdown_it.rules_block.html_block import HTML_SEQUENCES
from markdown_it.rules_block.table import escapedSplit

from lra.chat.markdown.blocks import Align

_ATX = re.compile(r"(#{1,6})(?=[ \t]|$)")
_SETEXT = re.compile(r"(=+|-+)[ \t]*$")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,}|(?:-[ \t]*){3,})$")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_FENCE_END = re.compile(r"(`{3,}|~{3,})[ \t]*$")
_MARKER = re.compile(r"([*+-])(?=[ \t]|$)|(\d{1,9})([.)])(?=[ \t]|$)")
_DELIMITERS = re.compile(r"(?:[|:]|-(?![ \t]))[-:|][-:| \t]*$|[|:][ \t][-:| \t]*$")
_DELIMITER = re.compile(r":?-+:?$")
_UNTIL_BLANK = "^$"


def heading(text: str) -> tuple[int, str] | None:
    """Return level and text of an ATX heading."""
    if not (match := _ATX.match(text)):
        return None
    content = text[match.end() :].strip(" \t")
    # No expression: where there are many blanks, one would look for the end behind each of them.
    bare = content.rstrip("#")
    return len(match[1]), bare.rstrip(" \t") if not bare or bare[-1] in " \t" else content


def underline(text: str) -> int | None:
    """Return the level of the heading that this line underlines."""
    match = _SETEXT.match(text)
    return None if match is None else 1 if match[1][0] == "=" else 2


def rule(text: str) -> bool:
    """Return whether the line is a thematic break."""
    return _RULE.match(text) is not None


def fence(text: str) -> tuple[str, str] | None:
    """Return the fence that opens here, and what is said about the code."""
    match = _FENCE.match(text)
    return None if match is None else (match[1] or match[3], (match[2] or match[4] or "").strip())


def fence_end(text: str) -> str:
    """Return the fence that may close here."""
    match = _FENCE_END.match(text)
    return "" if match is None else match[1]


def marker(text: str) -> tuple[str, str, int | None] | None:
    """Return a list item's marker as written, what tells its list from others, and its number."""
    match = _MARKER.match(text)
    if match is None:
        return None
    return match[0], match[1] or match[3], int(match[2]) if match[2] else None


def html(text: str, *, in_paragraph: bool) -> tuple[bool, re.Pattern[str] | None]:
    """Return whether HTML begins here, and what ends it when a blank line does not."""
    if text.startswith("<"):
        for begin, end, interrupts in HTML_SEQUENCES:
            if begin.search(text) and (interrupts or not in_paragraph):
                return True, None if end.pattern == _UNTIL_BLANK else end
    return False, None


def delimiters(text: str) -> list[Align | None] | None:
    """Return how the columns are aligned when the line is the one below a table's head."""
    if not _DELIMITERS.match(text):
        return None
    parts = [part.strip(" \t") for part in text.split("|")]
    parts = parts[not parts[0] : len(parts) - (len(parts) > 1 and not parts[-1])]
    if not parts or not all(_DELIMITER.match(part) for part in parts):
        return None
    aligns: list[Align | None] = []
    for part in parts:
        left, right = part.startswith(":"), part.endswith(":")
        aligns.append("center" if left and right else "right" if right else "left" if left else None)
    return aligns


def cells(text: str) -> list[str]:
    """Return the cells of a table's row."""
    parts = escapedSplit(text.strip(" \t"))
    if parts and parts[0] == "":
        parts.pop(0)
    if parts and parts[-1] == "":
        parts.pop()
    return [part.strip(" \t") for part in parts]
