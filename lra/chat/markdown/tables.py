"""Tables: as wide as their cells, shrunk to the width, or as lists where that is too narrow."""

from __future__ import annotations

from collections.abc import Sequence

from lra.chat.markdown.blocks import Align, Table
from lra.chat.markdown.inline import Inline
from lra.chat.markdown.spans import Look, Span, Spans, width_of
from lra.chat.markdown.wrap import wrap

# A column narrower than this cannot be read, unless all its cells are.
_NARROWEST = 8


def table_lines(table: Table, width: int, look: Look, inline: Inline) -> list[Spans]:
    """Return a table's lines, none wider than `width`."""
    count = len(table.head)
    head = [inline.spans(cell, "strong") for cell in table.head]
    rows = [[inline.spans(cell) for cell in [*row, *[""] * count][:count]] for row in table.rows]
    columns = [[row[place] for row in [head, *rows]] for place in range(count)]
    widths = _shrunk([max(1, *map(_natural, column)) for column in columns], width - 3 * (count - 1))
    if widths is None:
        return _listed(head, rows, width, look)
    lines = _row(head, widths, table.aligns, look)
    cross, dash = ("-+-", "-") if look.ascii or look.plain else ("─┼─", "─")
    lines.append([look.span(cross.join(dash * size for size in widths), "rule")])
    # Rows of several lines would run into each other.
    spaced = any(_natural(cell) > size for row in rows for cell, size in zip(row, widths, strict=True)) or any(
        "\n" in span.text for row in rows for cell in row for span in cell
    )
    for place, row in enumerate(rows):
        if spaced and place:
            lines.append([look.span(cross.join(dash * size for size in widths), "rule")])
        lines += _row(row, widths, table.aligns, look)
    return lines


def _natural(cell: Spans) -> int:
    """Return the width of a cell's widest line."""
    return max((width_of(line) for line in wrap(cell, 1 << 30)), default=0)


def _shrunk(widths: Sequence[int], room: int) -> list[int] | None:
    """Return widths that fit, the widest columns giving way first; None when some would be too narrow."""
    if sum(widths) <= room:
        return list(widths)
    least = [min(size, _NARROWEST) for size in widths]
    if sum(least) > room:
        return None
    low, high = _NARROWEST, max(widths)
    while low < high:
        limit = (low + high + 1) // 2
        if sum(min(size, limit) for size in widths) <= room:
            low = limit
        else:
            high = limit - 1
    shrunk = [min(size, low) for size in widths]
    spare = room - sum(shrunk)
    for place, size in enumerate(widths):
        if spare and size > shrunk[place]:
            shrunk[place] += 1
            spare -= 1
    return shrunk


def _row(cells: Sequence[Spans], widths: Sequence[int], aligns: Sequence[Align | None], look: Look) -> list[Spans]:
    columns = [wrap(cell, size) for cell, size in zip(cells, widths, strict=True)]
    bar = look.span(" | " if look.ascii or look.plain else " │ ", "rule")
    lines: list[Spans] = []
    for number in range(max(map(len, columns))):
        line: Spans = []
        for place, column in enumerate(columns):
            cell = column[number] if number < len(column) else []
            spare = max(0, widths[place] - width_of(cell))
            before = {"right": spare, "center": spare // 2}.get(aligns[place] or "left", 0)
            line += [bar] if place else []
            line += [Span(" " * before), *cell, Span(" " * (spare - before))]
        lines.append(line)
    return lines


def _listed(head: Sequence[Spans], rows: Sequence[Sequence[Spans]], width: int, look: Look) -> list[Spans]:
    """Return each row as lines of `column: cell`."""
    lines: list[Spans] = []
    for number, row in enumerate(rows or [[[] for _ in head]]):
        if number:
            lines.append([look.span(look.dash * min(3, width), "rule")])
        for name, cell in zip(head, row, strict=True):
            first, *others = wrap([*name, look.span(": " if name else "", "strong"), *cell], max(1, width - 2)) or [[]]
            lines += [first, *([Span("  "), *line] for line in others)]
    return lines
