"""Standard output: the only module of the command line that writes to it.

Tables are drawn on a terminal and become tab-separated lines, without headings, in a pipe.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, TypeVar

from lra.cli import notices
from lra.text import one_line, printable

T = TypeVar("T")

# JSON may hold these raw, but a terminal would obey them.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")

_WIDTH = 120
"""Of what goes to no terminal."""
_GAP = "  "
_NARROWEST = 20
"""Cells to which the widest column is cut at most."""
_SPARE = 8
"""Cells without which a column that can be spared is none."""


def prepare() -> None:
    """Make sure that no text can fail to print: data is UTF-8, whatever the locale says."""
    if isinstance(sys.stdout, TextIOWrapper):
        if on_terminal():
            sys.stdout.reconfigure(errors="replace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", errors="replace")


def on_terminal() -> bool:
    """Tell whether a person reads the output as it comes."""
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False


def write(text: str) -> None:
    """Print stored or computed text with a line break; control characters cannot reach the terminal."""
    print(printable(text))


def write_now(text: str) -> None:
    """Print a line that somebody waits for."""
    print(printable(text), flush=True)


def write_line(line: str) -> None:
    """Print one line of JSON that exists as text already."""
    print(_UNSAFE_IN_JSON.sub(_escape, line.rstrip("\n")))


def write_document(text: str) -> None:
    """Print a JSON document that exists as text already."""
    print(_UNSAFE_IN_JSON.sub(_escape, text.rstrip("\n")))


def write_json(value: object, *, line: bool = False) -> None:
    """Print one JSON document.

    Args:
        value: What to print.
        line: Whether it must stay on one line, as in JSON Lines.
    """
    print(dump_json(value, line=line), flush=line)


def dump_json(value: object, *, line: bool = False) -> str:
    """Return JSON text that is safe to show on a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=None if line else 2)
    return _UNSAFE_IN_JSON.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def room() -> int:
    """Return how wide a line may be: as the terminal is, and 120 where there is none."""
    return max(40, shutil.get_terminal_size((_WIDTH, 24)).columns) if on_terminal() else _WIDTH


def write_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    wide: str | None = None,
    spare: str | None = None,
    empty: str = "",
) -> None:
    """Print rows.

    Args:
        columns: Headings, shown on a terminal only.
        rows: Cells; anything is turned into one line of text, None into an empty cell.
        wide: The column that takes the space that is left and is cut when it must be.
        spare: The column that is cut, or left out, where the wide one would become too narrow.
        empty: What to say instead of an empty table.
    """
    if not rows:
        if empty:
            notices.say(empty)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    if not on_terminal():
        for row in cells:
            print("\t".join(row))
        return

    from rich.cells import cell_len
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    widths = [max(map(cell_len, column)) for column in zip(columns, *cells, strict=True)]
    if wide is not None:
        left = console.width - sum(widths) - len(_GAP) * (len(widths) - 1)
        at = list(columns).index(wide)
        wanted = widths[at] + left
        short = min(widths[at], _NARROWEST) - wanted
        if spare is not None and short > 0:
            other = list(columns).index(spare)
            wanted += short
            if widths[other] - short >= _SPARE:
                widths[other] -= short
            else:
                wanted += widths[other] + len(_GAP) - short
                columns, widths = _without(columns, other), _without(widths, other)
                cells = [_without(row, other) for row in cells]
                at -= other < at
        widths[at] = min(widths[at], max(_NARROWEST, wanted))
    # Text objects, so that brackets in stored text are not taken for markup.
    console.print(Text(_aligned(columns, widths), style="bold"))
    for row in cells:
        console.print(Text(_aligned(row, widths)))


def _without(row: Sequence[T], at: int) -> list[T]:
    return [*row[:at], *row[at + 1 :]]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len, set_cell_size

    parts = []
    for cell, width in zip(row, widths, strict=True):
        cut = cell if cell_len(cell) <= width else set_cell_size(cell, width - 1).rstrip() + "…"
        parts.append(set_cell_size(cut, width))
    return _GAP.join(parts).rstrip()


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value), 10_000)


def when(stamp: str) -> str:
    """Return an ISO 8601 time as a person reads it, in local time; a pipe gets the stamp itself."""
    if not on_terminal():
        return stamp
    from datetime import datetime

    return datetime.fromisoformat(stamp).astimezone().strftime("%Y-%m-%d %H:%M")


def write_file(path: str, text: str) -> None:
    """Write data to a file that only the user can read, replacing it as a whole.

    Raises:
        LraError: The file cannot be written.
    """
    with private_file(path) as file:
        file.write(text)


def private_file(path: str) -> Any:
    """Return a context manager giving a text file of mode 0600 that takes the place of `path` when it is complete.

    Raises:
        LraError: The file cannot be written.
    """
    from lra.cli.files import replacing

    return replacing(path)


def refused(error: Exception) -> bool:
    """Tell whether an exception means that standard output takes no more: a full disk, a dead device."""
    taken = {errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.EBADF}
    return isinstance(error, OSError) and error.filename is None and error.errno in taken


def close_quietly() -> None:
    """Let what is still buffered go nowhere, since nobody reads it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
