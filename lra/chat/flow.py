"""The answer as it streams: pieces in, text that is safe to append out."""

from __future__ import annotations

from collections.abc import Callable

from lra.chat.width import fold
from lra.text import printable


class Flow:
    r"""Normalises one stretch of an answer.

    Blank lines before the first word go, trailing line breaks wait for what follows them, and a carriage return,
    which would let an answer overwrite its own line, is a line break.
    """

    def __init__(self) -> None:
        self._held = ""
        self._started = False
        self._after_return = False

    def feed(self, piece: str) -> str:
        """Return what can be shown now."""
        if not piece:
            return ""
        follows_return, self._after_return = self._after_return, piece.endswith("\r")
        if follows_return and piece.startswith("\n"):
            piece = piece[1:]
        text = self._held + printable(piece.replace("\r\n", "\n").replace("\r", "\n"))
        if not self._started:
            # Indentation of the first line stays.
            lines = text.splitlines(keepends=True)
            while lines and not lines[0].strip() and lines[0].endswith("\n"):
                lines.pop(0)
            text = "".join(lines)
            if not text.strip():
                self._held = text
                return ""
            self._started = True
        shown = text.rstrip("\n")
        self._held = text[len(shown) :]
        return shown

    def close(self) -> None:
        """End the stretch; the next one starts anew."""
        self._held, self._started, self._after_return = "", False, False


class LineStream:
    """An answer as its source, line by line, for whoever cannot render it.

    Args:
        columns: The width that the unfinished line is folded to.
    """

    def __init__(self, columns: Callable[[], int]) -> None:
        self._columns = columns
        self._rest = ""

    def feed(self, text: str) -> str:
        """Return the lines that are finished now."""
        done, newline, self._rest = (self._rest + text).rpartition("\n")
        return done + newline

    def tail(self, max_lines: int) -> list[str]:
        """Return the end of the line that is not finished."""
        return fold(self._rest, self._columns() - 1).split("\n")[-max_lines:] if self._rest else []

    def close(self) -> str:
        """Return the rest."""
        rest, self._rest = self._rest, ""
        return rest + "\n" if rest else ""
