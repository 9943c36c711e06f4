"""The answer as it streams: pieces in, text that is safe to append out."""

from __future__ import annotations

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
