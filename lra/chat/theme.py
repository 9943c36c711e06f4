"""Colours by the role of what is shown; light enough to be there before the prompt."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

ThemeName = Literal["dark", "light", "high-contrast", "plain"]
Depth = Literal[0, 4, 8, 24]
"""Bits of colour: none, 16 colours, 256 colours, every colour."""
Role = Literal[
    "plain", "answer", "dim", "tool", "memory", "warning", "error", "title", "good", "prompt", "status",
    "strong", "emphasis", "strike", "heading", "title-heading", "link", "quote", "rule", "marker", "code",
    "keyword", "string", "number", "comment", "name", "builtin", "operator",
    "added", "removed", "added-word", "removed-word",
]  # fmt: skip

THEMES: tuple[ThemeName, ...] = get_args(ThemeName)
_TMUX_WITH_LINKS = (3, 4)
"""Earlier versions of tmux drop addresses."""

_ATTRIBUTES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7", "strike": "9"}
# What is the same whatever the colours; a word is an attribute, `#` a colour.
_COMMON = {
    "title": "bold", "strong": "bold", "emphasis": "italic", "strike": "strike", "heading": "bold",
    "title-heading": "bold underline", "link": "underline", "prompt": "bold",
}  # fmt: skip
_DARK = {
    "dim": "#8a8a8a", "tool": "#82aaff", "memory": "#7fdbca", "warning": "#ffcb6b", "error": "#ff6e6e",
    "good": "#a5d97a", "prompt": "bold #82aaff", "status": "#8a8a8a", "heading": "bold #82aaff",
    "title-heading": "bold underline #82aaff", "link": "underline #82aaff", "quote": "italic #b0b0b0",
    "rule": "#8a8a8a", "marker": "#82aaff", "code": "#ffcb9b", "keyword": "#c792ea", "string": "#a5d97a",
    "number": "#f78c6c", "comment": "italic #909090", "name": "#82aaff", "builtin": "#7fdbca", "operator": "#89ddff",
    "added": "#a5d97a", "removed": "#ff8080", "added-word": "bold underline #a5d97a",
    "removed-word": "bold underline #ff8080",
}  # fmt: skip
_LIGHT = {
    "dim": "#6a6a6a", "tool": "#0b5cad", "memory": "#00695c", "warning": "#8a5000", "error": "#b3001b",
    "good": "#2e6b12", "prompt": "bold #0b5cad", "status": "#6a6a6a", "heading": "bold #0b5cad",
    "title-heading": "bold underline #0b5cad", "link": "underline #0b5cad", "quote": "italic #505050",
    "rule": "#6a6a6a", "marker": "#0b5cad", "code": "#8f3a00", "keyword": "#7c1fa2", "string": "#2e6b12",
    "number": "#9c2c00", "comment": "italic #6a6a6a", "name": "#0b5cad", "builtin": "#00695c", "operator": "#005a73",
    "added": "#2e6b12", "removed": "#b3001b", "added-word": "bold underline #2e6b12",
    "removed-word": "bold underline #b3001b",
}  # fmt: skip
# Sixteen colours are whatever a terminal makes of them, on a background nobody knows: red, green and magenta are
# readable on white and on black in the usual palettes; yellow, blue and cyan are not.
_SIXTEEN = {
    "dim": "dim", "tool": "magenta", "memory": "green", "warning": "bold magenta", "error": "bold red",
    "good": "green", "prompt": "bold magenta", "status": "dim", "quote": "italic", "rule": "dim", "marker": "magenta",
    "code": "magenta", "keyword": "bold magenta", "string": "green", "number": "red", "comment": "dim italic",
    "name": "bold", "builtin": "magenta", "added": "green", "removed": "red",
    "added-word": "bold underline green", "removed-word": "bold underline red",
}  # fmt: skip
# The terminal's own foreground stands out best on its own background, whichever they are.
_CONTRAST = {
    "warning": "bold", "error": "bold reverse", "tool": "bold", "marker": "bold", "code": "bold", "keyword": "bold",
    "comment": "italic", "quote": "italic", "added": "bold", "removed": "underline",
    "added-word": "bold reverse", "removed-word": "underline reverse",
}  # fmt: skip
_NAMED = {"red": "31", "green": "32", "magenta": "35"}


@dataclass(frozen=True, slots=True)
class Theme:
    """How each role looks at one depth of colour.

    Attributes:
        name: The theme's name; `plain` has neither colour nor attributes.
        depth: Bits of colour.
    """

    name: ThemeName = "dark"
    depth: Depth = 8

    @property
    def plain(self) -> bool:
        """Whether nothing is styled, so that marks have to say what a style would."""
        return self.name == "plain" or self.depth == 0

    def code(self, role: str) -> str:
        """Return the SGR codes of a role, such as `1;35`; empty for what is not styled."""
        if self.plain:
            return ""
        look = self._look().get(role) or _COMMON.get(role, "")
        return ";".join(self._sgr(word) for word in look.split())

    def paint(self, text: str, role: str) -> str:
        """Return text with the role's codes around each of its lines; the text must be safe already."""
        code = self.code(role)
        if not code:
            return text
        return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else "" for line in text.split("\n"))

    def _look(self) -> Mapping[str, str]:
        if self.name == "high-contrast":
            return _CONTRAST
        if self.depth == 4:
            return _SIXTEEN
        return _LIGHT if self.name == "light" else _DARK

    def _sgr(self, word: str) -> str:
        if not word.startswith("#"):
            return _ATTRIBUTES.get(word) or _NAMED[word]
        red, green, blue = (int(word[place : place + 2], 16) for place in (1, 3, 5))
        if self.depth == 24:
            return f"38;2;{red};{green};{blue}"
        return f"38;5;{_nearest(red, green, blue)}"


def detect_depth(environ: Mapping[str, str]) -> Depth:
    """Return how many colours the terminal has; Rich's rule without its cost, and names that say so."""
    term = environ.get("TERM", "").strip().lower()
    if environ.get("NO_COLOR") or term in {"dumb", "unknown"}:
        return 0
    if sys.platform == "win32" and "WT_SESSION" not in environ:
        return _windows_depth()
    kind = term.rpartition("-")[2]
    told = environ.get("COLORTERM", "").strip().lower() in {"truecolor", "24bit"}
    if told or kind == "direct" or sys.platform == "win32":
        return 24
    return 8 if kind in {"kitty", "256color"} else 4


def default_name(environ: Mapping[str, str]) -> ThemeName:
    """Return the theme for a person who has chosen none: by the background where the terminal tells it."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return "light" if background in {"7", "15"} else "dark"


def wants_background(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal should be asked for its background: colours depend on it, and nothing tells it."""
    told = "COLORFGBG" in environ or "STY" in environ or environ.get("TERM") == "linux"
    # Sixteen colours are chosen to be readable on any.
    return not told and detect_depth(environ) > 4


def choose(name: str | None, environ: Mapping[str, str]) -> Theme:
    """Return the theme of that name, or the one that fits the terminal when it is none of ours."""
    depth = detect_depth(environ)
    known = next((theme for theme in THEMES if theme == name), None)
    return Theme(known or (default_name(environ) if depth else "plain"), depth)


def has_hyperlinks(environ: Mapping[str, str]) -> bool:
    """Return whether links may hide their address; not where terminals are known to drop it."""
    term = environ.get("TERM", "")
    if term in {"linux", "dumb", "unknown", ""} or environ.get("TERM_PROGRAM") == "Apple_Terminal":
        return False
    if "XTERM_VERSION" in environ:
        return False
    if environ.get("TERM_PROGRAM") == "tmux":
        return _version(environ.get("TERM_PROGRAM_VERSION", "")) >= _TMUX_WITH_LINKS
    return not term.startswith("screen") or "TMUX" in environ


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _nearest(red: int, green: int, blue: int) -> int:
    """Return the nearest of the 256 colours' cube and greys."""
    levels = (0, 95, 135, 175, 215, 255)
    cube = [min((abs(level - part), step) for step, level in enumerate(levels))[1] for part in (red, green, blue)]
    grey = max(0, min(23, round(((red + green + blue) / 3 - 8) / 10)))
    candidates = {
        16 + 36 * cube[0] + 6 * cube[1] + cube[2]: (levels[cube[0]], levels[cube[1]], levels[cube[2]]),
        232 + grey: (8 + 10 * grey,) * 3,
    }

    def distance(index: int) -> int:
        return sum((one - other) ** 2 for one, other in zip(candidates[index], (red, green, blue), strict=True))

    return min(candidates, key=distance)


def _windows_depth() -> Depth:
    from rich.console import Console

    depths: dict[str | None, Depth] = {"truecolor": 24, "256": 8, "standard": 4, "windows": 4}
    return depths.get(Console().color_system, 0)
