"""What the standing prompt writes with: one write per repaint, and no byte that changes nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Attrs

from lra.chat.modes import BEGIN, END, NO_WRAP, OFF, ON, WRAP

_WRAPS_FROM = 24
"""Characters from which a write might reach the end of a row where the terminal takes them for wider than they are."""


class SteadyOutput(Vt100_Output):
    """A terminal under a prompt that stands for hours.

    The renderer hides and shows the cursor, switches wrapping off and on and resets colours in every repaint; here
    each is written when it changes something. Modes that a prompt needs are left with it, whatever ends it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Asking where the cursor is leaves stray answers behind on slow lines, and is not needed here.
        self.enable_cpr = False
        self.on_gone: Callable[[OSError], None] | None = None
        self._cursor_visible = True
        self._standing = self._entered = False
        self._held = 0
        self.sent = 0
        """Bytes written so far, about."""
        self._colour = ""
        # From the upper left corner GNU screen and tmux would not erase but move everything into their scrollback.
        self._below = "\x1b[K\x1b[C\x1b[J\x1b[D" if _keeps_what_is_erased(os.environ) else "\x1b[J"

    @property
    def standing(self) -> bool:
        """Whether the prompt's modes are on."""
        return self._standing

    @contextlib.contextmanager
    def together(self, *, whole: bool = False) -> Iterator[None]:
        """Send everything that is written in the block as one write.

        Args:
            whole: Ask the terminal to show it at once, too.
        """
        if whole and not self._held:
            self.write_raw(BEGIN)
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                if whole:
                    self.write_raw(END)
                self.flush()

    def enable_bracketed_paste(self) -> None:
        """Enter the prompt's modes with the next write."""
        self._standing = True

    def disable_bracketed_paste(self) -> None:
        """Leave the prompt's modes with the next write, unless they are entered again before it."""
        self._standing = False

    def hide_cursor(self) -> None:
        """Leave the cursor shown: a repaint is one write, in which nobody sees it move."""

    def show_cursor(self) -> None:
        """Leave the cursor shown."""

    def disable_autowrap(self) -> None:
        """Wrapping goes with the prompt's modes."""

    def enable_autowrap(self) -> None:
        """Wrapping comes back with the end of the prompt's modes."""

    def erase_down(self) -> None:
        """Erase from the cursor to the end of the screen."""
        self.write_raw(self._below)

    def reset_cursor_key_mode(self) -> None:
        """Arrow keys are what the terminal begins with."""

    def reset_attributes(self) -> None:
        """Reset colours unless they are."""
        if self._colour:
            self._colour = ""
            self.write_raw("\x1b[0m")

    def set_attributes(self, attrs: Attrs, color_depth: ColorDepth) -> None:
        """Set colours unless they are."""
        code: str = self._escape_code_caches[color_depth][attrs]
        wanted = "" if code == "\x1b[0m" else code
        if wanted != self._colour:
            # Nothing has to be reset where nothing is set.
            self.write_raw(code if self._colour else wanted.replace("\x1b[0;", "\x1b[", 1))
            self._colour = wanted

    def write(self, data: str) -> None:
        """Write text; the terminal's driver makes the carriage return of a line break."""
        super().write(data.replace("\r\n", "\n"))

    def flush(self) -> None:
        """Write what has gathered, unless more belongs to it."""
        if self._held:
            return
        if self._standing != self._entered:
            self._entered = self._standing
            self.write_raw(ON if self._standing else OFF)
        if self._entered and sum(map(len, self._buffer)) >= _WRAPS_FROM:
            # On between two writes, so that an end that cannot be caught leaves a terminal that wraps.
            self._buffer = [NO_WRAP, *self._buffer, WRAP]
        self.sent += sum(map(len, self._buffer))
        try:
            super().flush()
        except OSError as error:
            if self.on_gone is None:
                raise
            self.on_gone(error)


def _keeps_what_is_erased(environ: Mapping[str, str]) -> bool:
    # Their names for themselves go along to another machine, where the variables do not.
    inside = "STY" in environ or "TMUX" in environ
    return inside or environ.get("TERM", "").startswith(("screen", "tmux"))


def output_for_prompt() -> Output:
    """Return the terminal; a console that is driven by calls keeps the library's own way."""
    if os.name == "nt":
        return create_output(sys.stdout)
    return SteadyOutput.from_pty(sys.stdout, term=os.environ.get("TERM"))
