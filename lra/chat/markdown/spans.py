"""Styled pieces of a line, and how they are written to a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from rich.cells import cell_len

from lra.chat.theme import Theme

# What may stand between OSC 8 and its end: no blank, no control character, nothing beyond ASCII.
_SAFE_URL = re.compile(r"(?:https?://|mailto:)[\x21-\x7e]+$", re.IGNORECASE)


class Span(NamedTuple):
    """Text with the SGR codes it is shown in, and where it leads."""

    text: str
    code: str = ""
    url: str = ""


Spans = list[Span]


def width_of(spans: Iterable[Span]) -> int:
    """Return how many columns the spans take."""
    return sum(cell_len(span.text) for span in spans)


def safe_url(url: str) -> bool:
    """Return whether a terminal may be given this address to open."""
    return _SAFE_URL.match(url) is not None


def written(spans: Sequence[Span]) -> str:
    """Return a line with its control sequences, nothing of which reaches beyond it."""
    parts: list[str] = []
    place = 0
    while place < len(spans):
        text, code, url = spans[place]
        place += 1
        if not text:
            continue
        while place < len(spans) and (spans[place].code == code or not spans[place].text) and spans[place].url == url:
            text += spans[place].text
            place += 1
        if code:
            text = f"\x1b[{code}m{text}\x1b[0m"
        parts.append(f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text)
    return "".join(parts)


def trimmed(spans: Sequence[Span]) -> Spans:
    """Return a line without the blanks at its end."""
    kept = list(spans)
    while kept and not kept[-1].text.rstrip(" "):
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip(" "))
    return kept


@dataclass(frozen=True)
class Look:
    """How an answer is drawn.

    Attributes:
        theme: The colours; a plain one leaves marks where a style would say something.
        ascii: Draw with ASCII alone.
        hyperlinks: Hide addresses behind their text, for terminals that can follow them.
    """

    theme: Theme
    ascii: bool = False
    hyperlinks: bool = True
    _codes: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def plain(self) -> bool:
        """Whether nothing is styled."""
        return self.theme.plain

    def code(self, role: str) -> str:
        """Return the SGR codes of a role."""
        if role not in self._codes:
            self._codes[role] = self.theme.code(role)
        return self._codes[role]

    def span(self, text: str, role: str = "plain") -> Span:
        """Return text in the style of a role."""
        return Span(text, self.code(role))

    @property
    def bullets(self) -> str:
        """A bullet for each level."""
        return "-" if self.ascii or self.plain else "•◦▪"

    @property
    def quote(self) -> str:
        """What stands before quoted lines."""
        return ">" if self.plain else "|" if self.ascii else "│"

    @property
    def dash(self) -> str:
        """What rules are drawn with."""
        return "-" if self.ascii or self.plain else "─"
