"""Small aligned listings."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lra.chat.width import cells, clip, pad, wrap

_LEAST = 20
"""Columns the last cell needs beside the others; with fewer it goes below them."""


def rows(table: Sequence[Sequence[str]], columns: int, *, whole: bool = False) -> list[str]:
    """Return lines with aligned columns.

    Where the terminal is too narrow for that, the last cell stands on a line of its own.

    Args:
        table: Rows of equally many cells.
        columns: The width of the terminal.
        whole: Let the last cell go on over several lines instead of cutting it.
    """
    if not table:
        return []
    clean = [[clip(cell, 400) for cell in row] for row in table]
    widths = [max(cells(row[index]) for row in clean) for index in range(len(clean[0]) - 1)]
    room = columns - 1 - 2 - sum(widths) - 2 * len(widths)
    if room < _LEAST and widths:
        room = max(_LEAST, columns - 1)
        heads = [["  " + clip("  ".join(cell for cell in row[:-1] if cell.strip()), room - 2)] for row in clean]
        indent = 4
        room -= indent
    else:
        indent, room = 2 + sum(widths) + 2 * len(widths), max(_LEAST, room)
        heads = [[] for _ in clean]
    lines = []
    for row, head in zip(clean, heads, strict=True):
        last = wrap(row[-1], room) if whole else [clip(row[-1], room)]
        beside = "".join(pad(cell, width) + "  " for cell, width in zip(row, widths, strict=False))
        first = " " * indent if head else "  " + beside
        lines += [*head, first + last[0], *(" " * indent + line for line in last[1:])]
    return lines


def bar(part: float, width: int) -> str:
    """Return a bar of `width` characters of which `part` (0 to 1) is filled, in characters every terminal has."""
    full = round(max(0.0, min(1.0, part)) * width)
    return "#" * full + "." * (width - full)


def ago(us: int, now: float | None = None) -> str:
    """Return how long ago a moment in microseconds was, roughly."""
    seconds = (time.time() if now is None else now) - us / 1_000_000
    if seconds < 60:
        return "just now"
    for limit, unit, name in ((3600, 60, "min"), (86_400, 3600, "h"), (86_400 * 60, 86_400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)} {name} ago"
    return time.strftime("%Y-%m-%d", time.localtime(us / 1_000_000))


def counted(number: int, what: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{number:,} {_plural(what) if number != 1 else what}"


def _plural(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("y") and what[-2:-1] not in "aeiou" else f"{what}s"
