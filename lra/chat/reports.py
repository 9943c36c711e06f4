"""What the terminal says between the keys: whether it has the focus, and what its background is."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.input.base import Input
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.keys import Keys

QUERY = "\x1b]11;?\x1b\\"
"""Asks xterm and most terminals since for the colour of their background; the others do not answer."""
_ANSWER = re.compile(r"\x1b\]11;([^\x07\x1b]{1,40})(?:\x07|\x1b\\)")
_BEGUN = re.compile(r"\x1b\](?:1(?:1(?:;[^\x07\x1b]{0,40}\x1b?)?)?)?$")
_COLOUR = re.compile(r"rgba?:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})|#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")
PASTE = "\x1b[200~"
_PASTE_END = "\x1b[201~"
_OURS = frozenset({PASTE, "\x1b[I", "\x1b[O"})
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_BEGUN_KEY = re.compile(r"(?:\x1b\[[0-?]*[ -/]*)?$")
_NEW_LINES = frozenset(f"\x1b[{keys}" for modifier in (2, 5, 6) for keys in (f"27;{modifier};13~", f"13;{modifier}u"))
"""Shift-Enter and Ctrl-Enter, where a terminal tells them from Enter."""
_WORDS = {Keys.Left: Keys.ControlLeft, Keys.Right: Keys.ControlRight}
_UNUSED = re.compile(r"c-s-(?:\d|delete|down|up|page\w+)|c-\d|c-f\d+|[cs]-page(?:up|down)")
"""Keys that nothing is bound to, whose sequence would be typed otherwise."""
_SOON = 0.3
"""Seconds in which a terminal that answers at all does so, over a slow line too."""


class Reports:
    """The last things the terminal said.

    Args:
        on_background: Called when it has said what its background is: whether that is light.
    """

    def __init__(self, on_background: Callable[[bool], None] = lambda _light: None) -> None:
        self.known = False
        """Whether it has said anything about its focus."""
        self.here = True
        """Whether it has the focus, as far as it says so."""
        self._on_background = on_background
        self._asked: float | None = None
        self._answered = asyncio.Event()
        self._held = ""

    def follow(self, source: Input) -> None:
        """Listen to what a terminal says between the keys."""
        if isinstance(source, Vt100Input):
            source.vt100_parser = _Parser(source.vt100_parser, self)

    def said(self, here: bool) -> None:
        """Note that the focus came or went."""
        self.known, self.here = True, here

    def ask(self) -> str:
        """Expect an answer about the background; returns what to send to the terminal for it."""
        self._asked = time.monotonic()
        return QUERY

    async def settled(self) -> None:
        """Wait a little for an answer that may still come, so that it does not reach whoever reads next."""
        if self._asked is None:
            return
        try:
            async with asyncio.timeout(max(0.0, self._asked + _SOON - time.monotonic())):
                await self._answered.wait()
        except TimeoutError:
            return

    def keys_in(self, data: str) -> str:
        """Return what was typed, without the answer about the background."""
        if self._asked is None or self._answered.is_set():
            return data
        data, self._held = self._held + data, ""
        if answer := _ANSWER.search(data):
            self._answered.set()
            if (light := is_light(answer[1])) is not None:
                self._on_background(light)
            return data[: answer.start()] + data[answer.end() :]
        if begun := _BEGUN.search(data):
            data, self._held = data[: begun.start()], begun[0]
        return data

    def rest(self) -> str:
        """Return what looked like the beginning of an answer and was none."""
        held, self._held = self._held, ""
        return held


def is_light(colour: str) -> bool | None:
    """Tell whether a colour, as terminals write it, is a light one; None for what is no colour."""
    found = _COLOUR.match(colour.lower())
    if found is None:
        return None
    parts = [int(part, 16) / float(16 ** len(part) - 1) for part in found.groups() if part]
    # The weights of ITU-R BT.709.
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5


class _Parser(Vt100Parser):
    """A parser that takes the terminal's reports, and keys that nobody knows, out of the keys."""

    def __init__(self, before: Vt100Parser, reports: Reports) -> None:
        self._reports = reports
        self._begun = self._seen = ""
        self._pasted: list[str] = []
        super().__init__(before.feed_key_callback)

    def feed(self, data: str) -> None:
        """Take what came from the terminal."""
        if self._in_bracketed_paste:
            self._paste(data)
            return
        data = self._begun + self._reports.keys_in(data)
        typed, paste, pasted = data.partition(PASTE)
        self._begun = "" if paste else _BEGUN_KEY.search(typed)[0]  # type: ignore[index]
        typed = typed[: len(typed) - len(self._begun)]
        super().feed(_SEQUENCE.sub(_known, typed) + paste + pasted)

    def _paste(self, data: str) -> None:
        """Take a piece of a paste; the library, which looks through all of it each time, gets it at its end."""
        self._pasted.append(data)
        seen = self._seen + data
        self._seen = seen[1 - len(_PASTE_END) :]
        if _PASTE_END in seen:
            pasted, self._pasted, self._seen = "".join(self._pasted), [], ""
            super().feed(pasted)

    def flush(self) -> None:
        """Take what is there for complete."""
        if rest := self._begun + self._reports.rest():
            self._begun = ""
            super().feed(rest)
        super().flush()

    def _get_match(self, prefix: str) -> Keys | tuple[Keys, ...] | None:
        if prefix in {"\x1b[I", "\x1b[O"}:
            self._reports.said(prefix == "\x1b[I")
            return Keys.Ignore
        match = super()._get_match(prefix)
        if prefix.startswith("\x1b[") and match is not None:
            if isinstance(match, tuple):
                # The library takes Alt with a key for Esc and the key, and Esc stops what runs.
                return _WORDS.get(match[-1], Keys.Ignore)
            if _UNUSED.fullmatch(match.value):
                return Keys.Ignore
        return match


def _known(sequence: re.Match[str]) -> str:
    """Return a sequence that is a key or a report; one for a new line is that, and others are nothing."""
    text = sequence[0]
    if text in _NEW_LINES:
        return "\n"
    return text if text in ANSI_SEQUENCES or text in _OURS else ""
