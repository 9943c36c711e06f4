"""Turning a line that stands on the terminal into another with few bytes."""

from __future__ import annotations

import re
from itertools import takewhile

from lra.chat.width import cells

_SGR = re.compile(r"(\x1b\[[0-9;]*m)")
# What every terminal gives one column, or two, in the same way: letters of Latin scripts, dashes and bullets, frames,
# and the scripts of China, Japan and Korea.
_CERTAIN = re.compile("[ -~\xa1-\xac\xae-\u02ff\u2010-\u2027\u2500-\u25fc\u3001-\u9fff\uac00-\ud7a3]*")


def change(old: str, new: str) -> str:
    """Return what makes a line of another, from the beginning of its row.

    Args:
        old: What stands there; an empty row when empty.
        new: What is to stand there.
    """
    if old == new:
        return ""
    if not old:
        return new
    before, after = _styled(old), _styled(new)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    kept = "".join(char for char, _ in after[:same])
    if "\x1b]" in new or not _CERTAIN.fullmatch(kept):
        return "\x1b[2K" + new
    width = cells(kept)
    move = f"\x1b[{width}C" if width else ""
    if same == len(after):
        return f"{move}\x1b[K"
    # What follows is not shorter than what stood there only where it can be counted for certain.
    covered = _CERTAIN.fullmatch(new_text := _SGR.sub("", new)) and cells(new_text) >= cells(_SGR.sub("", old))
    return move + ("" if covered else "\x1b[K") + _written(after[same:])


def _styled(line: str) -> list[tuple[str, str]]:
    """Return the characters of a line, each with its style."""
    found: list[tuple[str, str]] = []
    style = ""
    for part in _SGR.split(line):
        if part.startswith("\x1b["):
            style = "" if part == "\x1b[0m" else style + part
        else:
            found += [(char, style) for char in part]
    return found


def _written(characters: list[tuple[str, str]]) -> str:
    parts: list[str] = []
    before = ""
    for char, style in characters:
        if style != before:
            parts.append(("\x1b[0m" if before else "") + style)
            before = style
        parts.append(char)
    return "".join(parts) + ("\x1b[0m" if before else "")
