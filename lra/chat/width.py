"""How many columns text takes on a terminal."""

from __future__ import annotations

import re
import unicodedata

from lra.text import printable

_BLANK = re.compile(r"[\t\n\r]")
_WORD = re.compile("( *)([^ ]+)")
_MOST = 10_000
"""Characters, blanks and those without a column among them, of which a short line is made."""
_AT_FIRST = 4
"""Characters for each column that are looked at first of what has to be cut."""
_INDIC = ((0x0900, 0x109F), (0x1700, 0x1CFF), (0xA800, 0xABFF))
"""Where the scripts stand that have spacing vowel signs."""


def cells(text: str) -> int:
    """Return the number of columns; wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    # Where there is only ASCII, as in most of what stands before the first prompt, no table is needed.
    from rich.cells import cell_len

    return cell_len(text)


def clip(text: str, limit: int) -> str:
    """Fold text to one printable line of at most `limit` columns, an ellipsis showing a cut."""
    # A tool may return megabytes, of which one line is shown.
    most = _MOST + 4 * max(0, limit)
    line = " ".join(printable(text[:most]).split())
    if len(text) <= most and cells(line) <= limit:
        return line
    return _begin(line, limit - 1).rstrip() + "…"


def _begin(line: str, limit: int) -> str:
    """Return as much as fits; what is seen as one character, an emoji of several, say, is not cut."""
    if line.isascii():
        return line[: max(0, limit)]
    from rich.cells import split_graphemes

    # Of a long line, only what may fit is looked at: more where many characters take no column.
    looked = _AT_FIRST * max(1, limit)
    while True:
        end = used = 0
        for _, after, width in split_graphemes(line[:looked])[0]:
            used += width
            if used > limit:
                return line[:end]
            end = after
        if looked >= len(line):
            return line[:end]
        looked *= 4


def pad(text: str, width: int) -> str:
    """Fill text with spaces to `width` columns."""
    return text + " " * (width - cells(text))


def fold(text: str, width: int) -> str:
    """Break lines that are too wide between words; what follows a break is indented."""
    return "\n".join(part for line in text.split("\n") for part in _folded(line, max(20, width)))


def wrap(line: str, width: int) -> list[str]:
    """Break one line into rows of at most `width` columns, each indented as the line is.

    Nothing is lost: a word that is too wide goes on in the next row, a path behind one of its slashes.
    """
    text = _BLANK.sub(" ", printable(line)).rstrip()
    indent = text[: len(text) - len(text.lstrip(" "))][: width // 2]
    room = max(2, width - len(indent))
    rows = [""]
    for spaces, word in _WORD.findall(text.lstrip(" ")):
        rest = spaces + word
        if rows[-1] and cells(rows[-1]) + cells(rest) > room:
            rows.append("")
            rest = rest[1:]
        while len(piece := _begin(rest, room) or rest[0]) < len(rest):
            piece = piece[: piece.rfind("/") + 1] or piece
            rows[-1:] = [piece, ""]
            rest = rest[len(piece) :]
        rows[-1] += rest
    return [indent + row for row in rows]


def _folded(line: str, width: int) -> list[str]:
    if cells(line) <= width:
        return [line]
    words = line.lstrip(" ").split(" ")
    parts = [line[: len(line) - len(line.lstrip(" "))] + words[0]]
    for word in words[1:]:
        if cells(parts[-1]) + 1 + cells(word) > width:
            parts.append("  " + word)
        else:
            parts[-1] += " " + word
    return parts


def count_vowel_signs() -> None:
    """Let the prompt's library count the spacing vowel signs of Indic scripts as terminals draw them.

    By its table they take no column; C libraries, xterm, VTE and tmux give them one, and the cursor of a line with
    some would stand beside its place.
    """
    from prompt_toolkit.utils import _CHAR_SIZES_CACHE

    for first, last in _INDIC:
        for char in map(chr, range(first, last + 1)):
            if unicodedata.category(char) == "Mc":
                _CHAR_SIZES_CACHE[char] = 1
