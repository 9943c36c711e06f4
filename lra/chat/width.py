"""How many columns text takes on a terminal."""

from __future__ import annotations

import unicodedata

from lra.text import printable


def cells(text: str) -> int:
    """Return the number of columns; wide characters take two, combining ones none."""
    return len(text) if text.isascii() else sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def clip(text: str, limit: int) -> str:
    """Fold text to one printable line of at most `limit` columns, an ellipsis showing a cut."""
    line = " ".join(printable(text).split())
    if cells(line) <= limit:
        return line
    kept, used = [], 1
    for char in line:
        used += _cells(char)
        if used > limit:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def pad(text: str, width: int) -> str:
    """Fill text with spaces to `width` columns."""
    return text + " " * (width - cells(text))


def fold(text: str, width: int) -> str:
    """Break lines that are too wide between words; what follows a break is indented."""
    return "\n".join(part for line in text.split("\n") for part in _folded(line, max(20, width)))


def _folded(line: str, width: int) -> list[str]:
    if cells(line) <= width:
        return [line]
    words = line.lstrip(" ").split(" ")
    parts = [line[: len(line) - len(line.lstrip(" "))] + words[0]]
    for word in words[1:]:
        if cells(parts[-1]) + 1 + cells(word) > width:
            parts.append("  " + word)
        else:
            parts[-1] += " " + word
    return parts
