"""Putting finished text above the prompt with few bytes and without a flicker."""

from __future__ import annotations

import asyncio
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from prompt_toolkit.application import Application
from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.screen import Char, Screen

from lra.chat.area import Area
from lra.chat.modes import NO_WRAP, WRAP
from lra.chat.output import SteadyOutput
from lra.chat.rewriting import change

REPAINTS = 15
"""Most repaints per second; what is typed is shown as soon."""
PATIENCE = 0.4
"""Seconds that a few new words of a slow answer may wait for more, so that showing them is worth its bytes."""
SETTLED = 0.2
"""Seconds without a further change of size, in a terminal that moves its rows with each."""
_WORTH = 1.8
"""Bytes that may be written for each byte of an answer that is printed at once."""
_UNSEEN = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b\x07]*(?:\x1b\\|\x07)")


@dataclass(slots=True)
class _Worth:
    """What showing an answer has cost, and what it may."""

    finished: int = 0
    """Bytes that went up."""
    coming: int = 0
    """Bytes of what came after them."""
    spent: int = 0

    @property
    def owed(self) -> bool:
        return self.spent > _WORTH * (self.finished + self.coming)


class Painter:
    """Appends text above the standing prompt and keeps what stands there up to date.

    Where the rows that a text takes are known for certain, the terminal is told to move the prompt down and only the
    text is written; otherwise the prompt is erased and drawn again below it.

    Args:
        app: The prompt's application.
        area: What stands at the bottom.
    """

    def __init__(self, app: StandingApplication, area: Area) -> None:
        self.covered = 0
        """How many have the terminal to themselves; output waits for them."""
        self._app = app
        self._area = area
        self._waiting: list[str] = []
        self._painted = 0.0
        self._due: asyncio.TimerHandle | None = None
        self._answer: _Worth | None = None
        # What is typed is shown by the renderer itself; the two together keep to the limit.
        app.after_render += self._drawn

    def write(self, text: str) -> None:
        """Append text, which ends with a line break, soon."""
        self._waiting.append(text)
        if self._answer is not None:
            self._answer.finished += len(text)
            self._answer.coming = 0
        self.repaint()

    def repaint(self) -> None:
        """Show what has changed, soon."""
        if self._due is None and self._app.is_running:
            loop = asyncio.get_running_loop()
            distance = PATIENCE if self._answer is not None and self._answer.owed else 1 / REPAINTS
            self._due = loop.call_later(max(0.0, self._painted + distance - loop.time()), self.paint)

    def answering(self, text: str | None) -> None:
        """Take note of a further piece of an answer; None when it has ended."""
        waited = self._answer is not None and self._answer.owed
        if text is None:
            self._answer = None
        else:
            self._answer = self._answer or _Worth()
            self._answer.coming += len(text)
        if self._due is not None and waited and not (self._answer and self._answer.owed):
            # It need not wait any longer.
            self._due.cancel()
            self._due = None
            self.repaint()

    def _drawn(self, _app: object) -> None:
        self._painted = asyncio.get_running_loop().time()

    def paint(self) -> None:
        """Show what has changed, now, unless the terminal is somebody else's."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        app = self._app
        if self.covered or not app.is_running or app.is_done or app._running_in_terminal:
            return
        if app.settling:
            self._drawn(app)
            self.repaint()
            return
        self._drawn(app)
        text, self._waiting = "".join(self._waiting), []
        last = app.renderer.last_rendered_screen
        before = self._area.above
        self._area.refresh()
        grown = len(self._area.above) - len(before)
        lines = _measured(text, self._columns)
        known = last is not None and lines is not None and self._size_is_known
        if not text and grown == 0:
            self._together(app._redraw)
        elif known and last is not None and lines is not None and len(lines) + grown >= 0 and self._fits(last, lines):
            self._together(lambda: self._insert(last, lines, before, grown))
        else:
            self._together(lambda: self._erase_and_write(text), whole=True)

    @property
    def _columns(self) -> int:
        return self._app.output.get_size().columns

    @property
    def _size_is_known(self) -> bool:
        # After a change of size the renderer has not followed yet.
        return (
            isinstance(self._app.output, SteadyOutput) and self._app.renderer._last_size == self._app.output.get_size()
        )

    def _fits(self, last: Screen, lines: list[str]) -> bool:
        return last.height + len(lines) < self._app.output.get_size().rows

    def _insert(self, last: Screen, lines: list[str], before: list[str], grown: int) -> None:
        """Append lines where the live lines begin, and leave what stands there already as it is.

        Args:
            last: What stands on the terminal.
            lines: What to write; each takes one row.
            before: The live lines that stand on the first rows.
            grown: How many rows the live lines will take more; fewer, and the text takes their place.
        """
        renderer, output = self._app.renderer, self._app.output
        room, kept = len(lines) + grown, len(before)
        y = renderer._cursor_pos.y
        output.reset_attributes()
        if room:
            output.cursor_down(last.height - 1 - y)
            # At the lower edge this scrolls; what scrolls away on top is the terminal's to keep.
            output.write_raw("\n" * room)
            output.cursor_up(last.height - 1 + room - kept)
            output.write_raw(f"\r\x1b[{room}L")
            output.cursor_up(kept)
        else:
            output.cursor_up(y)
            output.write_raw("\r")
        shown = [*before, *[""] * room]
        output.write_raw("".join(change(old, line) + "\n" for old, line in zip(shown, lines, strict=False)))
        # The renderer has to know where its rows are now.
        rows = defaultdict(lambda: defaultdict(lambda: Char(" ", "")), {})  # type: ignore[var-annotated]
        for row, cells in last.data_buffer.items():
            now = (row if row < kept else row + room) - len(lines)
            if now >= 0:
                rows[now] = cells
        last.data_buffer = rows
        last.height += grown
        renderer._cursor_pos = Point(0, 0)
        self._app._redraw()

    def _erase_and_write(self, text: str) -> None:
        self._app.forget()
        if text:
            self._app.output.write_raw(WRAP + text + NO_WRAP)
        self._app._redraw()

    def _together(self, work: Callable[[], None], *, whole: bool = False) -> None:
        output = self._app.output
        if isinstance(output, SteadyOutput):
            before = output.sent
            with output.together(whole=whole):
                work()
            if self._answer is not None:
                self._answer.spent += output.sent - before
        else:
            work()

    def write_rest(self) -> None:
        """Write what waits; call it when the prompt stands no more."""
        text, self._waiting = "".join(self._waiting), []
        if text:
            self._app.output.write_raw(text)
            self._app.output.flush()


class StandingApplication(Application[None]):
    """An application that stays tidy when the terminal wraps what stands on it anew."""

    _settled: asyncio.TimerHandle | None = None

    @property
    def settling(self) -> bool:
        """Whether the terminal may be about to change its size again, and nothing should be drawn."""
        return self._settled is not None

    def _redraw(self, render_as_done: bool = False) -> None:
        # The new size can be seen before its signal has come; what was drawn for the old one has to go all the same.
        before = self.renderer._last_size
        with self._at_once():
            if before is not None and before != self.output.get_size() and not self._running_in_terminal:
                if render_as_done or not moves_its_rows(os.environ):
                    self.forget()
                elif not self.settling:
                    self._settle()
            if render_as_done or not self.settling:
                super()._redraw(render_as_done)

    def _at_once(self) -> AbstractContextManager[None]:
        """Write what erases and what draws anew as one: in between, the terminal would mark no paste."""
        return self.output.together() if isinstance(self.output, SteadyOutput) else nullcontext()

    def anew(self) -> None:
        """Erase what stands, and draw it again."""
        with self._at_once():
            self.forget()
            self._redraw()

    def _on_resize(self) -> None:
        if moves_its_rows(os.environ):
            self._settle()
        else:
            self._follow()

    def _settle(self) -> None:
        if self._settled is not None:
            self._settled.cancel()
        self._settled = asyncio.get_running_loop().call_later(SETTLED, self._follow)

    def _follow(self) -> None:
        self._settled = None
        if not self.is_running or self.is_done:
            return
        if self._running_in_terminal:
            self._redraw()
        else:
            self.anew()

    def forget(self) -> None:
        """Erase what stands, wherever the terminal has put it with a change of its size."""
        last, cursor = self.renderer.last_rendered_screen, self.renderer._cursor_pos
        columns = self.output.get_size().columns
        if last is not None and rewraps(os.environ):
            # What was too wide when it was drawn took one row: the terminal does not wrap then.
            drawn = self.renderer._last_size.columns if self.renderer._last_size else columns
            widths = (min(drawn, _width(last, row)) for row in range(cursor.y))
            above = sum((width - 1) // columns for width in widths if width)
            self.output.cursor_up(above + cursor.x // columns)
        self.renderer.erase(leave_alternate_screen=False)


def _width(screen: Screen, row: int) -> int:
    return max((column + 1 for column, char in screen.data_buffer[row].items() if char.char != " "), default=0)


def rewraps(environ: Mapping[str, str]) -> bool:
    """Tell whether the terminal is known to wrap lines anew when it gets narrower; the others cut them."""
    known = ("TMUX", "VTE_VERSION", "KITTY_WINDOW_ID", "WT_SESSION", "ALACRITTY_WINDOW_ID", "KONSOLE_VERSION")
    programs = {"iTerm.app", "Apple_Terminal", "WezTerm", "ghostty", "vscode"}
    return any(environ.get(name) for name in known) or environ.get("TERM_PROGRAM") in programs


def moves_its_rows(environ: Mapping[str, str]) -> bool:
    """Tell whether rows leave the top of a terminal that gets lower although there is room below them.

    GNU screen keeps the lowest rows, also empty ones, and brings the others back when it gets higher again.
    """
    return "STY" in environ and "TMUX" not in environ


def _measured(text: str, columns: int) -> list[str] | None:
    """Return the lines of a text when each is certain to take one row.

    Terminals do not agree on the width of emoji and of combined or ambiguous characters; counted as two columns each,
    whatever is no ASCII cannot be wider.
    """
    lines = text.split("\n")[:-1]
    for line in lines:
        seen = _UNSEEN.sub("", line)
        width = len(seen.expandtabs(8)) + (0 if seen.isascii() else sum(not char.isascii() for char in seen))
        if width >= columns or "\x1b" in seen:
            return None
    return lines
