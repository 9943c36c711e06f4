"""Finished blocks as lines of text: prefixes, blank lines between them, and what each kind looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from copy import copy

from markdown_it.common.utils import unescapeAll

from lra.chat.markdown.blocks import Container, Item, List, Path, Quote, Table
from lra.chat.markdown.highlight import Highlighter
from lra.chat.markdown.inline import Inline
from lra.chat.markdown.lines import flat
from lra.chat.markdown.spans import Look, Span, Spans, trimmed, width_of, written
from lra.chat.markdown.tables import table_lines
from lra.chat.markdown.wrap import fold, wrap

_TASK = re.compile(r"\[([ xX])\][ \t]+(?=\S)")
_LANGUAGE = re.compile(r"[\w+#.-]+")


class Renderer:
    """The sink of the parser: writes what is finished.

    Args:
        width: Returns the columns there are now.
        look: How it is drawn.
    """

    def __init__(self, width: Callable[[], int], look: Look) -> None:
        self.blocks: list[list[str]] = []
        """The lines of each fenced block of code."""
        self._width = width
        self._look = look
        self._inline = Inline(look)
        self._out: list[str] = []
        self._last: tuple[int, ...] | None = None
        self._blank = False
        self._apart = False
        self._fences = 0
        self._code: Highlighter | None = None
        self._live = False

    def fork(self) -> Renderer:
        """Return a copy for what is not finished: its lines are cut to the width, and it has no hyperlinks."""
        other = copy(self)
        other._inline = self._inline.fork()
        other._code = self._code and self._code.fork()
        other._out = []
        other._live = True
        return other

    def take(self) -> str:
        """Return what has been written since the last call."""
        text = "".join(self._out)
        self._out.clear()
        return text

    def blank(self) -> None:
        """Notice an empty line, which separates what is in a list."""
        self._blank = True

    def paragraph(self, path: Path, text: str) -> None:
        """Write a paragraph, as a task when it is one."""
        item = path[-1] if path else None
        if isinstance(item, Item) and not item.shown and (task := _TASK.match(text)):
            box = f"[{task[1].lower()}]"
            item.marker = f"{item.marker} {box}" if item.marker[0].isdigit() else box
            text = text[task.end() :]
        quoted = any(isinstance(container, Quote) for container in path)
        self._block(path, lambda room: wrap(self._inline.spans(text, "quote" if quoted else "plain"), room))

    def heading(self, path: Path, level: int, text: str) -> None:
        """Write a heading."""
        mark = [Span("#" * level + " ")] if self._look.plain else []
        spans = self._inline.spans(text, "title-heading" if level == 1 else "heading")
        self._block(path, lambda room: wrap([*mark, *spans], room))

    def rule(self, path: Path) -> None:
        """Write a rule."""
        look = self._look
        self._block(path, lambda room: [[look.span(look.dash * (3 if look.plain else room), "rule")]])

    def table(self, path: Path, table: Table) -> None:
        """Write a table."""
        self._block(path, lambda room: table_lines(table, room, self._look, self._inline))

    def definitions(self, path: Path, text: str) -> str:
        """Write the definitions of addresses at a paragraph's beginning; returns what is left of it.

        A text that refers to one may have been written already: it must not lose its address.
        """
        lines, rest = self._inline.define(text)
        if lines:
            dim = self._look.code("dim")
            spans = [list(self._inline.linked(flat(line), dim)) for line in lines]
            self._block(path, lambda room: [part for line in spans for part in wrap(line, room)])
        return rest

    def code_begins(self, path: Path, fence: str, info: str) -> None:
        """Write what stands above code: its language, and its number, by which it can be copied."""
        self._fences += 1
        if not self._live:
            self.blocks.append([])
        info = flat(unescapeAll(info))
        language = match[0].lower().removeprefix("language-") if (match := _LANGUAGE.match(info)) else ""
        self._code = Highlighter(language, self._look)
        if self._look.plain:
            line = [Span(fence + info)]
        else:
            said = f"{language} {'-' if self._look.ascii else '·'} {self._fences}" if language else str(self._fences)
            line = [self._look.span(f"{self._look.dash * 2} {said}", "dim")]
        self._code_lines(path, [line], first=True)

    def code(self, path: Path, line: str) -> None:
        """Write a line of code, in the first column and never broken, so that it is copied as it is."""
        if not self._live:
            self.blocks[-1].append(line)
        if self._code is not None:
            self._code_lines(path, [self._code.line(line)])

    def code_ends(self, path: Path, fence: str) -> None:
        """Leave code."""
        self._code = None
        if self._look.plain:
            self._code_lines(path, [[Span(fence)]])

    def indented(self, path: Path, line: str, *, first: bool) -> None:
        """Write a line of code that is told by its indentation."""
        mark = [Span("    ")] if self._look.plain and line.strip() else []
        self._code_lines(path, [[*mark, self._look.span(line, "code")]], first=first)

    def html(self, path: Path, line: str, *, first: bool) -> None:
        """Write a line of HTML as it is."""
        self._code_lines(path, [[self._look.span(line, "dim")]], first=first)
        self._apart = False

    def item_ends(self, path: Path) -> None:
        """Write the marker of an item in which nothing was."""
        item = path[-1]
        if isinstance(item, Item) and not item.shown:
            self._block(path, lambda _: [[]])

    def _block(self, path: Path, draw: Callable[[int], list[Spans]]) -> None:
        """Write a block, each line behind what its containers put before it."""
        self._separate(path, apart=False)
        first, rest, size = self._prefixes(path)
        lines = draw(max(8, self._columns() - size))
        for number, line in enumerate(lines):
            self._write(trimmed([*(rest if number else first), *line]))
        self._done(path)

    def _code_lines(self, path: Path, lines: Iterable[Spans], *, first: bool = False) -> None:
        if first:
            self._separate(path, apart=True)
            if any(isinstance(container, Item) and not container.shown for container in path):
                self._write(trimmed(self._prefixes(path)[0]))
        quotes = self._bars(path)
        for line in lines:
            self._write([*quotes, *line] if any(span.text for span in line) else trimmed(quotes))
        self._done(path)
        self._apart = True

    def _separate(self, path: Path, *, apart: bool) -> None:
        """Write an empty line where one belongs.

        In lists the source decides, so that what comes later never matters; elsewhere blocks stand apart.
        """
        last = self._last
        if last is not None:
            shared = [one for one, other in zip(path, last, strict=False) if one.id == other]
            in_list = any(isinstance(container, List) for container in shared)
            if apart or self._apart or not in_list or self._blank:
                self._write(trimmed(self._bars(shared)))
        self._apart = False

    def _done(self, path: Path) -> None:
        self._last = _ids(path)
        self._blank = False
        for container in path:
            if isinstance(container, Item):
                container.shown = True

    def _prefixes(self, path: Path) -> tuple[Spans, Spans, int]:
        """Return what stands before a block's first line and before the others, and its width."""
        first: Spans = []
        rest: Spans = []
        level = 0
        for container in path:
            if isinstance(container, Quote):
                bar = self._look.span(self._look.quote, "marker")
                first += [bar, Span(" ")]
                rest += [bar, Span(" ")]
            elif isinstance(container, List):
                level += 1
            else:
                mark = container.marker
                if mark in "+-*":
                    mark = self._look.bullets[(level - 1) % len(self._look.bullets)]
                blank = Span(" " * len(mark))
                first += [blank if container.shown else self._look.span(mark, "marker"), Span(" ")]
                rest += [blank, Span(" ")]
        size = width_of(rest)
        limit = self._columns() // 2
        # Deep nesting must leave room for the text.
        while size > limit and len(rest) > 2:
            size -= width_of(rest[:1])
            first, rest = first[1:], rest[1:]
        return first, rest, size

    def _bars(self, path: Sequence[Container]) -> Spans:
        bar = [self._look.span(self._look.quote, "marker"), Span(" ")]
        return [part for container in path if isinstance(container, Quote) for part in bar]

    def _columns(self) -> int:
        return max(10, self._width())

    def _write(self, line: Sequence[Span]) -> None:
        if not self._live:
            self._out.append(written(line) + "\n")
            return
        for part in fold([Span(span.text.expandtabs(8), span.code) for span in line], self._columns()):
            self._out.append(written(part) + "\n")


def _ids(path: Path) -> tuple[int, ...]:
    return tuple(container.id for container in path)
