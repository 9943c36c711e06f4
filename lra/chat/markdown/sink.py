"""What the parser tells, as soon as it is sure of it."""

from __future__ import annotations

from typing import Protocol

from lra.chat.markdown.blocks import Path, Table


class Sink(Protocol):
    """Takes what is finished; `path` names the containers it stands in."""

    def paragraph(self, path: Path, text: str) -> None:
        """Take a paragraph."""

    def heading(self, path: Path, level: int, text: str) -> None:
        """Take a heading."""

    def rule(self, path: Path) -> None:
        """Take a thematic break."""

    def table(self, path: Path, table: Table) -> None:
        """Take a table."""

    def definitions(self, path: Path, text: str) -> str:
        """Take the definitions of addresses at a paragraph's beginning; returns what is left of it."""

    def code_begins(self, path: Path, fence: str, info: str) -> None:
        """Take the beginning of fenced code."""

    def code(self, path: Path, line: str) -> None:
        """Take a line of fenced code."""

    def code_ends(self, path: Path, fence: str) -> None:
        """Take the end of fenced code."""

    def indented(self, path: Path, line: str, *, first: bool) -> None:
        """Take a line of code that is told by its indentation."""

    def html(self, path: Path, line: str, *, first: bool) -> None:
        """Take a line of HTML."""

    def item_ends(self, path: Path) -> None:
        """Take the end of a list's item, the last of the path."""

    def blank(self) -> None:
        """Take an empty line between blocks."""
