"""Small aligned listings."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lra.chat.width import cells, clip, pad


def rows(table: Sequence[Sequence[str]], columns: int) -> list[str]:
    """Return lines with aligned columns, the last one cut to the width of the terminal."""
    if not table:
        return []
    clean = [[clip(cell, 400) for cell in row] for row in table]
    widths = [max(cells(row[index]) for row in clean) for index in range(len(clean[0]) - 1)]
    room = max(20, columns - 1 - 2 - sum(widths) - 2 * len(widths))
    return [
        "  " + "".join(pad(cell, width) + "  " for cell, width in zip(row, widths, strict=False)) + clip(row[-1], room)
        for row in clean
    ]


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
    return f"{number:,} {what}{'' if number == 1 else 's'}"
