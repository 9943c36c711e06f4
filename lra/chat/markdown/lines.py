"""Chunks of text as whole, safe lines."""

from __future__ import annotations

import re

from lra.text import printable

_BREAK = re.compile("\r\n|\r|\n")
# A terminal may take these for line breaks, Markdown does not.
_SEPARATORS = str.maketrans({"\u2028": " ", "\u2029": " "})


class Lines:
    r"""Cuts chunks into lines at `\n`, `\r\n` and `\r`, wherever the chunks begin and end."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._after_return = False

    def feed(self, text: str) -> list[str]:
        """Return the lines that this chunk finishes, without their ends and without control characters."""
        if self._after_return and text:
            # The rest of a \r\n that was cut in two.
            self._after_return = False
            text = text.removeprefix("\n")
        if not text:
            return []
        self._after_return = text.endswith("\r")
        first, *rest = _BREAK.split(text)
        self._open.append(first)
        if not rest:
            return []
        lines = ["".join(self._open), *rest[:-1]]
        self._open = [rest[-1]] if rest[-1] else []
        return [safe(line) for line in lines]

    @property
    def unfinished(self) -> str:
        """What stands after the last line's end."""
        return safe("".join(self._open))


def safe(text: str) -> str:
    """Return text that cannot drive a terminal nor break a line."""
    return text if text.isascii() and text.isprintable() else printable(text).translate(_SEPARATORS)


def flat(text: str) -> str:
    """Return text that a parser has decoded, safe again and without line breaks."""
    return text if text.isascii() and text.isprintable() else " ".join(re.split("[\t\n\r]+", safe(text)))
