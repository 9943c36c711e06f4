"""Whether the terminal has the focus, as far as it says so."""

from __future__ import annotations

from prompt_toolkit.input.base import Input
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.keys import Keys


class Focus:
    """The last thing the terminal said about its focus."""

    def __init__(self) -> None:
        self.known = False
        self.here = True

    def follow(self, source: Input) -> None:
        """Listen to what a terminal says between the keys."""
        if isinstance(source, Vt100Input):
            source.vt100_parser = _FocusParser(source.vt100_parser, self)

    def said(self, here: bool) -> None:
        """Note that the focus came or went."""
        self.known, self.here = True, here


class _FocusParser(Vt100Parser):
    """A parser that takes the two focus reports out of the keys."""

    def __init__(self, before: Vt100Parser, focus: Focus) -> None:
        self._focus = focus
        super().__init__(before.feed_key_callback)

    def _get_match(self, prefix: str) -> Keys | tuple[Keys, ...] | None:
        if prefix in {"\x1b[I", "\x1b[O"}:
            self._focus.said(prefix == "\x1b[I")
            return Keys.Ignore
        return super()._get_match(prefix)
