"""What a document is made of while it is being read: containers that are open, and the one open leaf."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Align = Literal["left", "center", "right"]


@dataclass(slots=True)
class Quote:
    """A block quote; the number tells containers apart."""

    id: int


@dataclass(slots=True)
class List:
    """A list; `mark` is its bullet, or what follows its numbers."""

    id: int
    mark: str
    number: int | None
    """The next item's number."""

    def count(self) -> str:
        """Return the next item's marker as it is written."""
        if self.number is None:
            return self.mark
        self.number += 1
        return f"{self.number - 1}{self.mark}"


@dataclass(slots=True)
class Item:
    """A list's item; `indent` is how far its text stands in."""

    id: int
    indent: int
    marker: str
    filled: bool = False
    """Whether anything is in it."""
    shown: bool = False
    """Whether its marker has been shown."""


Container = Quote | List | Item
Path = tuple[Container, ...]


@dataclass(slots=True)
class Paragraph:
    """Lines that may still become a heading or a table."""

    lines: list[str]


@dataclass(slots=True)
class Fence:
    """Code between fences."""

    mark: str
    length: int
    indent: int


@dataclass(slots=True)
class Indented:
    """Code by indentation; blank lines belong to it once more code follows."""

    blanks: list[str] = field(default_factory=list)
    begun: bool = False


@dataclass(slots=True)
class Html:
    """HTML up to a blank line, or up to what ends it."""

    end: re.Pattern[str] | None
    begun: bool = False


@dataclass(slots=True)
class Table:
    """A table's rows as they are written."""

    aligns: list[Align | None]
    head: list[str]
    rows: list[list[str]] = field(default_factory=list)


Leaf = Paragraph | Fence | Indented | Html | Table
