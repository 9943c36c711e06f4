"""A place in one line, counted in characters and in columns: a tab may be consumed in part."""

from __future__ import annotations


class Cursor:
    """Walks through the beginning of a line.

    Args:
        text: One line without its end.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.column = 0
        self._inside_tab = False
        self._find()

    def _find(self) -> None:
        """Look for what comes after the blanks."""
        place, column = self.offset, self.column
        while place < len(self.text) and (char := self.text[place]) in " \t":
            column += 4 - column % 4 if char == "\t" else 1
            place += 1
        self.next = place
        """Where the first character stands that is no blank."""
        self.indent = column - self.column
        self.blank = place >= len(self.text)

    @property
    def char(self) -> str:
        """The first character that is no blank."""
        return self.text[self.next : self.next + 1]

    @property
    def content(self) -> str:
        """What stands there, without the blanks before it."""
        return self.text[self.next :]

    @property
    def on_blank(self) -> bool:
        """Whether the place itself holds a blank."""
        return self.text[self.offset : self.offset + 1] in {" ", "\t"}

    def advance(self, columns: int) -> None:
        """Go on by columns; half a tab may be left behind."""
        while columns > 0 and self.offset < len(self.text):
            if self.text[self.offset] == "\t":
                to_stop = 4 - self.column % 4
                step = min(columns, to_stop)
                self._inside_tab = step < to_stop
                self.column += step
                self.offset += 0 if self._inside_tab else 1
                columns -= step
            else:
                self._inside_tab = False
                self.offset += 1
                self.column += 1
                columns -= 1
        self._find()

    def skip_blanks(self) -> None:
        """Go to the first character that is no blank."""
        self.column += self.indent
        self.offset = self.next
        self._inside_tab = False
        self._find()

    def rest(self) -> str:
        """Return what is left, the unused part of a tab as spaces."""
        if self._inside_tab:
            return " " * (4 - self.column % 4) + self.text[self.offset + 1 :]
        return self.text[self.offset :]

    def mark(self) -> tuple[int, int, bool]:
        """Return the place, to come back to."""
        return self.offset, self.column, self._inside_tab

    def reset(self, mark: tuple[int, int, bool]) -> None:
        """Come back to a place."""
        self.offset, self.column, self._inside_tab = mark
        self._find()
