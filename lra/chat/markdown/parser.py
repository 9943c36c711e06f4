"""Markdown's blocks, read line by line.

This is CommonMark's own algorithm (with GitHub's tables): a stack of open containers and one open leaf, so that
every line costs the same however long the answer is, and whatever is closed can be shown for good. markdown-it
needs the whole text for its blocks; it does the inline part, and the tests compare the two.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace

from lra.chat.markdown import starts
from lra.chat.markdown.blocks import Container, Fence, Html, Indented, Item, Leaf, List, Paragraph, Path, Quote, Table
from lra.chat.markdown.cursor import Cursor
from lra.chat.markdown.sink import Sink

# Deeper nesting is text: it helps nobody, and every level costs on every line.
_DEEPEST = 24


class BlockParser:
    """Reads lines and tells the sink what is finished."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._stack: list[Container] = []
        self._leaf: Leaf | None = None
        self._numbers = 0

    @property
    def path(self) -> Path:
        """The containers that are open."""
        return tuple(self._stack)

    @property
    def in_fence(self) -> bool:
        """Whether the next line may be code between fences."""
        return isinstance(self._leaf, Fence)

    def fork(self, sink: Sink, characters: int) -> BlockParser:
        """Return a copy that can be read on with and thrown away; of an open leaf it has the last characters."""
        other = BlockParser(sink)
        other._stack = [copy(container) for container in self._stack]
        other._numbers = self._numbers
        leaf = self._leaf
        if isinstance(leaf, Paragraph):
            leaf = Paragraph(_last(leaf.lines, characters))
        elif isinstance(leaf, Table):
            rows = _last([" ".join(row) for row in leaf.rows], characters)
            leaf = replace(leaf, rows=leaf.rows[len(leaf.rows) - len(rows) :])
        elif isinstance(leaf, Indented):
            leaf = replace(leaf, blanks=leaf.blanks[-characters:])
        elif leaf is not None:
            leaf = copy(leaf)
        other._leaf = leaf
        return other

    def close(self) -> None:
        """Finish everything that is open."""
        self._close(0)

    def unfinished(self) -> None:
        """Finish what is open without closing code, whose end has not come."""
        if isinstance(self._leaf, Fence):
            self._leaf = None
        self.close()

    def line(self, text: str) -> None:
        """Read one line."""
        cursor = Cursor(text)
        matched = self._matched(cursor)
        whole = matched == len(self._stack)
        if whole and self._verbatim(cursor):
            return
        lazy = isinstance(self._leaf, Paragraph)
        opened = False
        while not cursor.blank:
            paragraph = self._leaf if whole and not opened and isinstance(self._leaf, Paragraph) else None
            depth = len(self._stack) if opened else matched
            if cursor.indent >= 4:
                if not opened and lazy:
                    break
                self._add(Indented(), depth)
                self._verbatim(cursor)
                return
            if self._leaf_starts(cursor, depth, paragraph, lazy=lazy and not opened):
                return
            if not self._container_starts(cursor, depth, paragraph):
                break
            opened = True
        self._text(cursor, matched, opened=opened)

    def _text(self, cursor: Cursor, matched: int, *, opened: bool) -> None:
        """Read what is left of a line in which no leaf of its own began."""
        whole = opened or matched == len(self._stack)
        if cursor.blank:
            if whole:
                self._close_leaf()
            else:
                self._close(matched)
            if not opened:
                self._sink.blank()
        elif isinstance(self._leaf, Paragraph):
            # Where the containers do not match, this is a lazy continuation.
            self._leaf.lines.append(cursor.content)
        elif isinstance(self._leaf, Table) and whole:
            self._leaf.rows.append(starts.cells(cursor.content))
        else:
            self._add(Paragraph([cursor.content]), len(self._stack) if opened else matched)

    def _matched(self, cursor: Cursor) -> int:
        """Return how many of the open containers this line goes on with."""
        for count, container in enumerate(self._stack):
            if isinstance(container, Quote):
                if cursor.indent > 3 or cursor.char != ">":
                    return count
                _enter_quote(cursor)
            elif isinstance(container, Item):
                if cursor.blank:
                    if not container.filled:
                        return count
                    cursor.skip_blanks()
                elif cursor.indent >= container.indent:
                    cursor.advance(container.indent)
                else:
                    return count
        return len(self._stack)

    def _verbatim(self, cursor: Cursor) -> bool:
        """Give a line to a leaf that takes it as it is; False when it does not, and is closed."""
        leaf = self._leaf
        if isinstance(leaf, Fence):
            end = starts.fence_end(cursor.content) if cursor.indent < 4 else ""
            if end.startswith(leaf.mark) and len(end) >= leaf.length:
                self._close_leaf()
            else:
                cursor.advance(min(leaf.indent, cursor.indent))
                self._sink.code(self.path, cursor.rest())
            return True
        if isinstance(leaf, Indented):
            if cursor.indent < 4 and not cursor.blank:
                self._close_leaf()
                return False
            cursor.advance(min(4, cursor.indent))
            if cursor.blank:
                leaf.blanks.append(cursor.rest())
                self._sink.blank()
                return True
            for line in (*leaf.blanks, cursor.rest()):
                self._sink.indented(self.path, line, first=not leaf.begun)
                leaf.begun = True
            leaf.blanks = []
            return True
        if isinstance(leaf, Html):
            if leaf.end is None and cursor.blank:
                self._close_leaf()
                return False
            text = cursor.rest()
            self._sink.html(self.path, text, first=not leaf.begun)
            leaf.begun = True
            if leaf.end is not None and leaf.end.search(text):
                self._close_leaf()
            return True
        return False

    def _leaf_starts(self, cursor: Cursor, depth: int, paragraph: Paragraph | None, *, lazy: bool) -> bool:
        """Begin a leaf other than a paragraph, if one begins here."""
        text = cursor.content
        if found := starts.heading(text):
            self._single(depth)
            self._sink.heading(self.path, *found)
        elif opening := starts.fence(text):
            fence, info = opening
            self._add(Fence(fence[0], len(fence), cursor.indent), depth)
            self._sink.code_begins(self.path, fence, info)
        elif (html := starts.html(text, in_paragraph=lazy))[0]:
            self._add(Html(html[1]), depth)
            self._verbatim(cursor)
        elif paragraph is not None and (self._table(paragraph, text) or self._underlined(paragraph, text)):
            pass
        elif starts.rule(text):
            self._single(depth)
            self._sink.rule(self.path)
        else:
            return False
        return True

    def _table(self, paragraph: Paragraph, text: str) -> bool:
        """Make a table of a paragraph's last line and the delimiters below it."""
        head = paragraph.lines[-1]
        aligns = starts.delimiters(text) if "|" in head else None
        if aligns is None or len(cells := starts.cells(head)) != len(aligns):
            return False
        del paragraph.lines[-1]
        self._close_leaf()
        self._leaf = Table(aligns, cells)
        return True

    def _underlined(self, paragraph: Paragraph, text: str) -> bool:
        """Make a heading of a paragraph, unless it is all definitions."""
        level = starts.underline(text)
        if level is None:
            return False
        content = self._sink.definitions(self.path, _joined(paragraph))
        if not content:
            paragraph.lines.clear()
            return False
        self._leaf = None
        self._sink.heading(self.path, level, content)
        return True

    def _container_starts(self, cursor: Cursor, depth: int, paragraph: Paragraph | None) -> bool:
        """Begin a quote or a list's item, if one begins here."""
        if depth >= _DEEPEST:
            return False
        if cursor.char == ">":
            self._open(depth, Quote(self._number()))
            _enter_quote(cursor)
            return True
        found = starts.marker(cursor.content)
        if found is None:
            return False
        written, mark, number = found
        if paragraph is not None and (cursor.content[len(written) :].isspace() or cursor.content == written):
            return False
        if paragraph is not None and number not in {None, 1}:
            return False
        indent = cursor.indent
        self._close(depth)
        top = self._stack[-1] if self._stack else None
        if not (isinstance(top, List) and top.mark == mark and (top.number is None) == (number is None)):
            top = List(self._number(), mark, number)
            self._open(depth, top)
        self._stack.append(Item(self._number(), indent + _enter_item(cursor, len(written)), top.count()))
        return True

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _open(self, depth: int, container: Quote | List) -> None:
        self._single(depth)
        self._stack.append(container)

    def _add(self, leaf: Leaf, depth: int) -> None:
        self._single(depth)
        self._leaf = leaf

    def _single(self, depth: int) -> None:
        """Close what is deeper, and a list too, which holds items alone; something begins here."""
        self._close(depth)
        if self._stack and isinstance(self._stack[-1], List):
            self._stack.pop()
        for container in reversed(self._stack):
            if isinstance(container, Item):
                container.filled = True
                break

    def _close(self, depth: int) -> None:
        self._close_leaf()
        while len(self._stack) > depth:
            if isinstance(self._stack[-1], Item):
                self._sink.item_ends(self.path)
            self._stack.pop()

    def _close_leaf(self) -> None:
        leaf, self._leaf = self._leaf, None
        if isinstance(leaf, Paragraph):
            if content := self._sink.definitions(self.path, _joined(leaf)):
                self._sink.paragraph(self.path, content)
        elif isinstance(leaf, Table):
            self._sink.table(self.path, leaf)
        elif isinstance(leaf, Fence):
            self._sink.code_ends(self.path, leaf.mark * leaf.length)


def _enter_quote(cursor: Cursor) -> None:
    cursor.skip_blanks()
    cursor.advance(1)
    if cursor.on_blank:
        cursor.advance(1)


def _enter_item(cursor: Cursor, marker: int) -> int:
    """Go behind an item's marker; returns how far behind its beginning the text stands."""
    cursor.skip_blanks()
    cursor.advance(marker)
    if cursor.blank or cursor.indent > 4:
        # An empty line, or code by indentation, which begins one blank behind the marker.
        if cursor.on_blank:
            cursor.advance(1)
        return marker + 1
    spaces = cursor.indent
    cursor.advance(spaces)
    return marker + spaces


def _joined(paragraph: Paragraph) -> str:
    return "\n".join(paragraph.lines).rstrip(" \t")


def _last(lines: list[str], characters: int) -> list[str]:
    count = 0
    for place in range(len(lines) - 1, -1, -1):
        count += len(lines[place])
        if count > characters:
            return lines[place + 1 :] or [lines[-1][-characters:]]
    return list(lines)
