"""What an engine says while it builds, as lines, however it was cut into pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = "\x1b[91m"
"""The engine puts this before every piece of a step's standard error."""
_LINE_END = re.compile(r"\r\n|\n|\r")
_LONGEST = 64 * 1024


class BuildLog:
    """Puts pieces together: what a step prints comes as it was written, a word in two pieces at worst.

    The two streams of a step are kept apart, so that a line of one is not cut by a piece of the other.
    """

    def __init__(self) -> None:
        self._begun = {False: "", True: ""}

    def add(self, piece: str) -> Iterator[str]:
        """Yield the lines that a piece completes, without colours and without empty ones.

        Args:
            piece: What the engine sent.
        """
        error = piece.startswith(_ERROR)
        *whole, self._begun[error] = _LINE_END.split(self._begun[error] + _COLOUR.sub("", piece))
        # What never ends its line is not gathered for ever.
        self._begun[error] = self._begun[error][-_LONGEST:]
        yield from (line.strip() for line in whole if line.strip())

    def rest(self) -> Iterator[str]:
        """Yield what has no end of a line, once nothing more comes."""
        for error, text in self._begun.items():
            self._begun[error] = ""
            if text.strip():
                yield text.strip()
