"""Markdown as separate statements: list items, paragraphs and table rows under their headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

ENOUGH = 128 * 1024
"""Characters after which a long text is cut at the next good place, so that it is never read as a whole."""
TOO_MUCH = 8 * ENOUGH
_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_TASK = re.compile(r"\A\[[ xX]\]\s+")
_TAG = 60


@dataclass(frozen=True, slots=True)
class Block:
    """A statement with the line it begins on and the headings it stands under."""

    line: int
    headings: tuple[str, ...]
    text: str


@dataclass(slots=True)
class _Headings:
    stack: list[tuple[int, str]] = field(default_factory=list)

    def enter(self, level: int, text: str) -> None:
        self.stack = [*((depth, name) for depth, name in self.stack if depth < level), (level, text)]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name[:_TAG].strip() for _, name in self.stack if name.strip())


def blocks(lines: Iterable[tuple[int, str]]) -> Iterator[Block]:
    """Give the statements of numbered lines; a front matter and comments do not count."""
    headings = _Headings()
    for first, text in _parts(_body(lines)):
        yield from _joined(_statements(text, first, headings))


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """Return the plain `name: value` lines of a front matter, indented ones too, and what follows it."""
    found = re.match(r"---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$\n?", text, re.DOTALL | re.MULTILINE)
    if found is None:
        return {}, text
    values = {}
    for line in found[1].splitlines():
        name, colon, value = line.strip().partition(":")
        if colon and re.fullmatch(r"[\w-]+", name) and value.strip():
            values[name] = value.strip().strip("\"'")
    return values, text[found.end() :]


def _body(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Leave out the front matter; one that never ends was none."""
    held: list[tuple[int, str]] = []
    inside = False
    for position, (number, line) in enumerate(lines):
        if position == 0 and line.rstrip() == "---":
            inside = True
            held.append((number, line))
        elif inside:
            held.append((number, line))
            if line.rstrip() in ("---", "..."):
                inside, held = False, []
            elif position > 200:
                yield from held
                inside, held = False, []
        else:
            yield number, line
    yield from held


def _parts(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Cut a long text where a statement ends: at a blank line outside code, before one that is not indented."""
    held: list[str] = []
    size = first = 0
    fence = ""
    blank = False
    for number, line in lines:
        fresh = blank and not fence and line[:1].strip() != ""
        if held and ((size > ENOUGH and fresh) or size > TOO_MUCH):
            yield first, "\n".join(held)
            held, size = [], 0
        if not held:
            first = number
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence):
                fence = ""
        blank = not line.strip()
        held.append(line)
        size += len(line) + 1
    if held:
        yield first, "\n".join(held)


def _joined(found: Iterable[Block]) -> Iterator[Block]:
    """Put code behind the sentence that announces it."""
    last: Block | None = None
    for block in found:
        if last and last.text.endswith(":") and block.text.startswith("```") and last.headings == block.headings:
            last = Block(last.line, last.headings, f"{last.text}\n{block.text}")
            continue
        if last:
            yield last
        last = block
    if last:
        yield last


def _statements(text: str, first: int, headings: _Headings) -> Iterator[Block]:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
    for node in tree.children:
        yield from _of(node, first, headings)


def _of(node: SyntaxTreeNode, first: int, headings: _Headings, before: str = "") -> Iterator[Block]:
    if node.type == "heading":
        headings.enter(int(node.tag[1:]), _plain(node))
    elif node.type in ("bullet_list", "ordered_list", "blockquote"):
        for child in node.children:
            yield from _of(child, first, headings, before)
    elif node.type == "list_item":
        yield from _item(node, first, headings, before)
    elif node.type == "table":
        yield from _table(node, first, headings)
    elif node.type in ("fence", "code_block"):
        if node.content.strip():
            yield _block(node, first, headings, f"```{node.info.strip()}\n{node.content.rstrip()}\n```")
    elif node.type == "paragraph" and (text := _plain(node)):
        yield _block(node, first, headings, before + text)


def _item(node: SyntaxTreeNode, first: int, headings: _Headings, before: str) -> Iterator[Block]:
    """Give an item, and what is below it as statements of their own that carry what announced them."""
    own = list(takewhile(lambda child: child.type in ("paragraph", "fence", "code_block"), node.children))
    texts = [_plain(child) if child.type == "paragraph" else f"```\n{child.content.rstrip()}\n```" for child in own]
    text = _TASK.sub("", "\n".join(filter(None, texts)), count=1)
    below = node.children[len(own) :]
    announces = bool(below) and text.endswith(":")
    if text.strip() and not announces:
        yield _block(node, first, headings, before + text)
    for child in below:
        yield from _of(child, first, headings, f"{before}{text} " if announces else before)


def _table(node: SyntaxTreeNode, first: int, headings: _Headings) -> Iterator[Block]:
    rows = [row for part in node.children for row in part.children]
    names = [_plain(cell) for cell in rows[0].children] if rows else []
    for row in rows[1:]:
        cells = zip(names, [_plain(cell) for cell in row.children], strict=False)
        text = "; ".join(f"{name}: {cell}" if name else cell for name, cell in cells if cell)
        if text:
            yield _block(row, first, headings, text)


def _block(node: SyntaxTreeNode, first: int, headings: _Headings, text: str) -> Block:
    start = node.map[0] if node.map else 0
    return Block(first + start, headings.names, text.strip())


def _plain(node: SyntaxTreeNode) -> str:
    """Return what a reader sees of a node's text; a link keeps its address."""
    if node.type in ("text", "code_inline"):
        return f"`{node.content}`" if node.type == "code_inline" else node.content
    if node.type == "softbreak":
        return " "
    if node.type == "hardbreak":
        return "\n"
    if node.type == "html_inline":
        return ""
    inner = "".join(_plain(child) for child in node.children).strip() if not _inside(node) else _inline(node)
    if node.type == "link":
        address = str(node.attrs.get("href", ""))
        return f"{inner} ({address})" if address and address != inner else inner
    return inner


def _inside(node: SyntaxTreeNode) -> bool:
    return node.type in ("strong", "em", "link", "image")


def _inline(node: SyntaxTreeNode) -> str:
    return "".join(_plain(child) for child in node.children)
