"""Changes as unified hunks: signs and line numbers, and within a changed line the words that differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Literal

from lra.chat.markdown.lines import safe
from lra.chat.markdown.spans import Look, Span, Spans, trimmed, written
from lra.chat.markdown.wrap import fold
from lra.chat.theme import Theme

Sign = Literal["+", "-", " ", "@", "\\", "f"]

# Whoever made the patch may have written anything: a line has no number of more digits.
_HUNK = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@(.*)")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
# Comparing words costs the product of the lengths, and says little where most of them differ.
_LONGEST = 400
_ALIKE = 0.4
_SHOWN = 4_000
"""Characters that are shown of one line where the number of lines is limited."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a patch; `number` is where it stands in the file, the new one unless the line was removed."""

    sign: Sign
    text: str
    number: int = 0


def render_patch(patch: str, width: int, theme: Theme, *, max_lines: int | None = 80, ascii: bool = False) -> str:
    """Return a unified patch as lines for the terminal.

    Args:
        patch: The patch, of one file or of several; what is no part of a hunk is kept as it is.
        width: Columns of the terminal.
        theme: The colours.
        max_lines: Longer patches are cut there, and the lines left out are counted, and so is what is left out of a
            line without end; None shows all.
        ascii: Draw with ASCII alone.
    """
    lines = list(_parsed(patch))
    if not lines:
        return ""
    look = Look(theme, ascii)
    shown = lines if max_lines is None or len(lines) <= max_lines else lines[:max_lines]
    if max_lines is not None:
        shown = [_cut(line, "..." if ascii else "…") for line in shown]
    gutter = len(str(max((line.number for line in shown), default=0)))
    out = [part for line in _paired(shown, look) for part in _drawn(*line, gutter, max(20, width), look)]
    if left := lines[len(shown) :]:
        added, removed = (sum(line.sign == sign for line in left) for sign in "+-")
        dots = "..." if ascii else "…"
        out.append([look.span(f"{dots} {len(left)} more lines (+{added} -{removed})", "dim")])
    return "".join(written(trimmed(line)) + "\n" for line in out)


def _cut(line: _Line, dots: str) -> _Line:
    """Return a line as far as it is worth showing: a minified file is one, and would fill the scrollback."""
    left = len(line.text) - _SHOWN
    return replace(line, text=f"{line.text[:_SHOWN]} {dots} {left:,} more characters") if left > 0 else line


def _lines(text: str) -> list[str]:
    return re.split("\r\n|\r|\n", text.rstrip("\r\n")) if text else []


def _parsed(patch: str) -> Iterator[_Line]:
    """Read a patch; the lengths in a hunk's head say where it ends, for `--- x` may be a removed line."""
    old = new = old_left = new_left = 0
    path = ""
    for raw in _lines(patch):
        text = safe(raw)
        if old_left > 0 or new_left > 0:
            sign = text[:1] or " "
            if sign == "+":
                yield _Line("+", text[1:].expandtabs(4), new)
                new, new_left = new + 1, new_left - 1
                continue
            if sign == "-":
                yield _Line("-", text[1:].expandtabs(4), old)
                old, old_left = old + 1, old_left - 1
                continue
            if sign == " ":
                yield _Line(" ", text[1:].expandtabs(4), new)
                old, new, old_left, new_left = old + 1, new + 1, old_left - 1, new_left - 1
                continue
        if match := _HUNK.match(text):
            old, new = int(match[1]), int(match[3])
            old_left, new_left = int(match[2] or 1), int(match[4] or 1)
            yield _Line("@", text.expandtabs(4))
        elif text.startswith("--- "):
            path = _name(text[4:])
        elif text.startswith("+++ "):
            yield _Line("f", _title(path, _name(text[4:])))
        else:
            yield _Line("\\", text.expandtabs(4))


def _title(old: str, new: str) -> str:
    if old == "/dev/null":
        return f"{new} (new)"
    if new == "/dev/null":
        return f"{old} (deleted)"
    return new if old in {new, ""} else f"{old} -> {new}"


def _name(text: str) -> str:
    name = text.partition("\t")[0].strip()
    return name[2:] if name[:2] in {"a/", "b/"} else name


def _paired(lines: Sequence[_Line], look: Look) -> Iterator[tuple[_Line, Spans]]:
    """Give each line its spans; removed lines are compared with the added ones right after them."""
    place = 0
    while place < len(lines):
        line = lines[place]
        if line.sign not in "+-":
            yield line, [look.span(line.text, {"f": "title", "@": "dim", "\\": "dim"}.get(line.sign, "plain"))]
            place += 1
            continue
        middle = place
        while middle < len(lines) and lines[middle].sign == "-":
            middle += 1
        end = middle
        while end < len(lines) and lines[end].sign == "+":
            end += 1
        pairs = list(zip_longest(lines[place:middle], lines[middle:end]))
        compared = [_compared(old.text if old else "", new.text if new else "", look) for old, new in pairs]
        yield from ((old, spans) for (old, _), (spans, _) in zip(pairs, compared, strict=True) if old)
        yield from ((new, spans) for (_, new), (_, spans) in zip(pairs, compared, strict=True) if new)
        place = end


def _compared(old: str, new: str, look: Look) -> tuple[Spans, Spans]:
    """Return both lines, with the words that differ marked where the lines are alike."""
    whole = [look.span(old, "removed")], [look.span(new, "added")]
    if look.plain or not old.strip() or not new.strip() or max(len(old), len(new)) > _LONGEST:
        return whole
    words, others = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    if matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return whole
    left: Spans = []
    right: Spans = []
    for kind, begin, end, other_begin, other_end in matcher.get_opcodes():
        mark = "" if kind == "equal" else "-word"
        left.append(look.span("".join(words[begin:end]), "removed" + mark))
        right.append(look.span("".join(others[other_begin:other_end]), "added" + mark))
    return left, right


def _drawn(line: _Line, spans: Spans, gutter: int, width: int, look: Look) -> list[Spans]:
    """Return a line behind its number and its sign; what is too long goes on below."""
    if line.sign in "f@\\":
        return fold(spans, width)
    role = {"+": "added", "-": "removed"}.get(line.sign, "plain")
    first: Spans = [look.span(f"{line.number:>{gutter}} ", "dim"), look.span(f"{line.sign} ", role)]
    parts = fold(spans, width - gutter - 3)
    return [[*(first if number == 0 else [Span(" " * (gutter + 3))]), *part] for number, part in enumerate(parts)]
