"""The blocks are those that markdown-it finds when it has the whole text."""

from __future__ import annotations

import re

from hypothesis import assume, example, given, settings
from markdown_it import MarkdownIt

from lra.chat.markdown.blocks import Item, List, Path, Quote, Table
from lra.chat.markdown.inline import Inline
from lra.chat.markdown.lines import Lines
from lra.chat.markdown.parser import BlockParser
from lra.chat.markdown.spans import Look
from lra.chat.theme import Theme
from tests.chat.markdown.documents import documents

Found = list[tuple[object, ...]]


class Record:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.found: Found = []
        self._inline = Inline(Look(Theme("plain", 0)))
        self._items: list[int] = []

    def _add(self, path: Path, *what: object) -> None:
        self.found.append((where(path), *what))

    def paragraph(self, path: Path, text: str) -> None:
        self._add(path, "paragraph", normal(text))

    def heading(self, path: Path, level: int, text: str) -> None:
        self._add(path, "heading", level, normal(text))

    def rule(self, path: Path) -> None:
        self._add(path, "rule")

    def table(self, path: Path, table: Table) -> None:
        count = len(table.head)
        rows = [[*row, *[""] * count][:count] for row in table.rows]
        self._add(path, "table", tuple(table.aligns), tuple(map(tuple, [table.head, *rows])))

    def definitions(self, path: Path, text: str) -> str:
        return self._inline.define(text)[1]

    def code_begins(self, path: Path, fence: str, info: str) -> None:
        self._add(path, "fence", info, "")

    def code(self, path: Path, line: str) -> None:
        *start, text = self.found[-1]
        self.found[-1] = (*start, f"{text}{line}\n")

    def code_ends(self, path: Path, fence: str) -> None:
        pass

    def indented(self, path: Path, line: str, *, first: bool) -> None:
        self._verbatim(path, "indented", line, first)

    def html(self, path: Path, line: str, *, first: bool) -> None:
        self._verbatim(path, "html", line, first)

    def _verbatim(self, path: Path, kind: str, line: str, first: bool) -> None:
        if first:
            self._add(path, kind, "")
        *start, text = self.found[-1]
        self.found[-1] = (*start, f"{text}{line}\n")

    def item_ends(self, path: Path) -> None:
        pass

    def blank(self) -> None:
        pass


def where(path: Path) -> str:
    names = []
    for container in path:
        if isinstance(container, Item):
            # Items are numbered on by us, whatever is written.
            names.append(container.marker.lstrip("0123456789"))
        elif isinstance(container, Quote):
            names.append(">")
        else:
            assert isinstance(container, List)
    return " ".join(names)


def normal(text: str) -> str:
    """Leave out blanks that do not show."""
    return "\n".join(line.strip(" \t") for line in text.split("\n"))


def ours(text: str) -> Found:
    record = Record()
    parser = BlockParser(record)
    lines = Lines()
    for line in [*lines.feed(text), *([lines.unfinished] if lines.unfinished else [])]:
        parser.line(line)
    parser.close()
    return verbatim(record.found)


def theirs(text: str) -> Found:
    """Return the same of markdown-it's tokens."""
    lines = Lines()
    text = "\n".join([*lines.feed(text), lines.unfinished])
    tokens = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(["table", "strikethrough"]).parse(text)
    found: Found = []
    path: list[str] = []
    table: list[list[str]] = []
    aligns: list[str | None] = []
    for place, token in enumerate(tokens):
        match token.type:
            case "blockquote_open":
                path.append(">")
            case "list_item_open":
                path.append(token.markup)
            case "blockquote_close" | "list_item_close":
                path.pop()
            case "heading_open":
                found.append((" ".join(path), "heading", int(token.tag[1]), normal(tokens[place + 1].content)))
            case "paragraph_open":
                found.append((" ".join(path), "paragraph", normal(tokens[place + 1].content)))
            case "hr":
                found.append((" ".join(path), "rule"))
            case "fence":
                found.append((" ".join(path), "fence", token.info.strip(), token.content))
            case "code_block":
                found.append((" ".join(path), "indented", token.content))
            case "html_block":
                found.append((" ".join(path), "html", token.content))
            case "table_open":
                table, aligns = [], []
            case "tr_open":
                table.append([])
            case "th_open":
                style = str(token.attrs.get("style", ""))
                aligns.append(style.removeprefix("text-align:") or None)
            case "inline" if tokens[place - 1].type in {"th_open", "td_open"}:
                table[-1].append(token.content)
            case "table_close":
                found.append((" ".join(path), "table", tuple(aligns), tuple(map(tuple, table))))
    return verbatim(found)


def verbatim(found: Found) -> Found:
    """Leave out blanks around lines, which tests of their own look at, and empty lines at the end of HTML."""
    shown: Found = []
    for *start, text in found:
        if len(start) > 1 and start[1] in {"fence", "indented", "html"}:
            lines = "\n".join(line.expandtabs(4).strip() for line in str(text).split("\n"))
            shown.append((*start, lines.rstrip("\n") if start[1] == "html" else lines))
        else:
            shown.append((*start, text))
    return shown


# Where markdown-it and CommonMark's own parser disagree, we are with the latter: a list may not begin with 2 right
# below a definition, a table's head is not looked for before a marker is, and > far indented continues no quote.
DISPUTED = re.compile(r"\]:|^[ \t]*(?:[-+*>#]|\d+[.)]).*\|.*\n[ \t>]*[|:-]|(?:    |\t)[ \t]*>", re.MULTILINE)


@given(documents(12))
@settings(max_examples=300, deadline=None, derandomize=True)
@example("- a\n\n      code\n\n\n      code\n - b\n> c\nlazy\n\t- d\n")
@example("para\na | b\n:-|-:\n1 | 2 | 3\n4\n# end\n")
def test_blocks_are_what_markdown_it_finds(text: str) -> None:
    assume(not DISPUTED.search(text.replace("\r\n", "\n").replace("\r", "\n")))
    assert ours(text) == theirs(text)
