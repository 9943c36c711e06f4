"""Making any text safe to store, send and show."""

from __future__ import annotations

import os
import re
import unicodedata
from typing import Any

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_JOINERS = frozenset("\u200c\u200d")


def clean_text(text: str) -> str:
    r"""Replace what databases, JSON encoders or providers refuse.

    Lone surrogates and NUL become U+FFFD; every other character stays as it was typed.

    Args:
        text: Any string, surrogate escapes included.

    Returns:
        A string that encodes to UTF-8 and holds no NUL.
    """
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def clean_value(value: Any) -> Any:
    """Return a value with every text in it cleaned, in lists, tuples and dictionaries too; others as they are."""
    if isinstance(value, str):
        return clean_text(value)
    if type(value) in (list, tuple):
        return type(value)(clean_value(item) for item in value)
    if type(value) is dict:
        return {clean_value(key): clean_value(item) for key, item in value.items()}
    return value


def printable(text: str) -> str:
    """Replace control characters, so that stored text cannot drive a terminal.

    Tabs and line breaks stay; ESC and the other C0/C1 controls become U+FFFD.
    """
    return _CONTROLS.sub("\ufffd", text)


def revealed(text: str) -> str:
    r"""Write out characters that show nothing or turn round how others are read, such as U+202E as `\u202e`.

    What is agreed to has to read as what is done (CVE-2021-42574). Joiners stay: emoji and several scripts need them.
    """
    if text.isascii():
        return text
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) == "Cf" and char not in _JOINERS else char for char in text
    )


def one_line(text: str, limit: int = 80) -> str:
    """Fold text to one line of at most `limit` characters, an ellipsis showing a cut."""
    line = " ".join(printable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def with_tilde(path: str) -> str:
    """Return a path as a person writes it: `~` in place of the home folder.

    Args:
        path: A path, or a text that begins with one.
    """
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if len(home) > 1 and path.startswith(home + os.sep) else path


def file_size(number: int) -> str:
    """Return a number of bytes as a person reads it.

    Args:
        number: How many.
    """
    for unit, bytes_in in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if number >= bytes_in:
            return f"{number / bytes_in:.1f} {unit}"
    return f"{number} B"
