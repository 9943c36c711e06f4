"""Forgetting in a file of what was typed: prompt_toolkit's history, without loading it."""

from __future__ import annotations

import re
from pathlib import Path

from lra.store.redaction import MARK, Words, span_pattern
from lra.store.whole_file import replace_file

_ASKED = re.compile(r"(\s*/(?:forget|memory))\s+(.+)")
# Each line of an entry begins with a plus sign in the file, the first one of an entry behind its time.
_GAP = r"(?:[^\S\n]|\n\+)+"


def forget_in_file(path: Path, text: str) -> None:
    """Replace a text by `[forgotten]` wherever it stands as whole words, and what was typed to find it; blocks."""
    if not text.strip() or not path.exists():
        return
    before = path.read_bytes().decode("utf-8", "surrogateescape")

    def mark(found: re.Match[str]) -> str:
        return MARK if _typed(before, found) else found.group()

    lines = span_pattern(text, gap=_GAP).sub(mark, before).split("\n")
    after = "\n".join("+" + asked_less(line[1:], text) if line.startswith("+") else line for line in lines)
    if after != before:
        replace_file(path, after.encode("utf-8", "surrogateescape"))


def left_in_file(path: Path, text: str) -> int:
    """Return how many times a text stands in a file of what was typed; blocks."""
    if not text.strip() or not path.exists():
        return 0
    content = path.read_bytes().decode("utf-8", "surrogateescape")
    return sum(_typed(content, found) for found in span_pattern(text, gap=_GAP).finditer(content))


def asked_less(entry: str, text: str) -> str:
    """Return an entry without the words by which a forgotten text was looked for."""
    found = _ASKED.match(entry)
    return entry[: found.end(1)] if found and Words.of(found.group(2)).in_common(Words.of(text)) else entry


def _typed(content: str, found: re.Match[str]) -> bool:
    """Return whether a match stands in what was typed, not in the time above it."""
    return content.startswith("+", content.rfind("\n", 0, found.start()) + 1)
