"""Breaking spans into lines of a width: between words, and within scripts that have no spaces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.cells import cell_len, split_graphemes

from lra.chat.markdown.spans import Span, Spans, trimmed

_ATOMS = re.compile(r"\n| +|[^ \n]+")
# What may not begin a line, and what may not end one.
_NO_START = frozenset(
    "、。，．,.!?！？：；:;)）]］}｝」』】〉》〕…ー々ゝゞ・ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ％%”’"
)
_NO_END = frozenset("(（[［{｛「『【〈《〔“‘")


@dataclass(slots=True)
class _Unit:
    """What is not broken while it fits on a line, after its blanks."""

    blanks: Spans = field(default_factory=list)
    parts: Spans = field(default_factory=list)
    width: int = 0


def wrap(spans: Iterable[Span], width: int) -> list[Spans]:
    """Return lines of at most `width` columns; a line break in the text breaks, blanks at a break are left out."""
    lines: list[Spans] = []
    for units in _paragraphs(spans):
        line: Spans = []
        used = 0
        for unit in units:
            blanks = sum(len(span.text) for span in unit.blanks) if line else 0
            if line and used + blanks + unit.width > width:
                lines.append(trimmed(line))
                line, used, blanks = [], 0, 0
            if blanks:
                line += unit.blanks
                used += blanks
            if unit.width > width:
                *whole, line = fold(unit.parts, width)
                lines += whole
                used = sum(cell_len(span.text) for span in line)
            else:
                line += unit.parts
                used += unit.width
        lines.append(trimmed(line))
    return lines


def fold(spans: Iterable[Span], width: int) -> list[Spans]:
    """Return lines of at most `width` columns, broken between any two characters; at least one line."""
    lines: list[Spans] = [[]]
    left = width
    for text, code, url in spans:
        size = cell_len(text)
        if size <= left:
            lines[-1].append(Span(text, code, url))
            left -= size
            continue
        begin = 0
        for start, _, cells in split_graphemes(text)[0]:
            if cells > left and left < width:
                if start > begin:
                    lines[-1].append(Span(text[begin:start], code, url))
                lines.append([])
                begin, left = start, width
            left -= cells
        lines[-1].append(Span(text[begin:], code, url))
    return lines


def _paragraphs(spans: Iterable[Span]) -> Iterator[list[_Unit]]:
    """Cut spans into units, a list for each line break."""
    units: list[_Unit] = []
    unit = _Unit()
    last = ""
    for text, code, url in spans:
        for match in _ATOMS.finditer(text):
            atom = match[0]
            if atom == "\n":
                yield [*units, unit] if unit.parts else units
                units, unit = [], _Unit()
            elif atom[0] == " ":
                if unit.parts:
                    units.append(unit)
                    unit = _Unit()
                unit.blanks.append(Span(atom, code, url))
            else:
                for piece in _pieces(atom):
                    if unit.parts and _breakable(last, piece):
                        units.append(unit)
                        unit = _Unit()
                    unit.parts.append(Span(piece, code, url))
                    unit.width += cell_len(piece)
                    last = piece
    yield [*units, unit] if unit.parts else units


def _pieces(word: str) -> Iterator[str]:
    """Cut a word where wide characters, which have no spaces between them, begin and end."""
    if word.isascii() or not any(map(_wide, word)):
        yield word
        return
    begin = 0
    last_wide: bool | None = None
    for start, end, _ in split_graphemes(word)[0]:
        wide = _wide(word[start])
        if last_wide is not None and (wide or last_wide):
            yield word[begin:start]
            begin = start
        last_wide = wide
        if end == len(word):
            break
    yield word[begin:]


def _breakable(before: str, after: str) -> bool:
    return (_wide(before[-1]) or _wide(after[0])) and before[-1] not in _NO_END and after[0] not in _NO_START


def _wide(char: str) -> bool:
    """Return whether a line may break beside this character; Korean has spaces, and emoji may hang on marks."""
    return char > "\u2e7f" and not "\uac00" <= char <= "\ud7a3" and cell_len(char) == 2
