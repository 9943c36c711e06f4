"""Everything that is written: one owner of standard output and standard error."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable
from typing import TextIO

from lra.chat.render import Began, Busy, Ended, EndLine, Line, Patch, Piece, Say, Style
from lra.chat.theme import Theme, choose
from lra.chat.width import clip, fold
from lra.errors import LraError
from lra.text import printable

# What a terminal without UTF-8 is shown instead.
ASCII = str.maketrans(
    {"⚙": "*", "→": "->", "↺": "<-", "✎": "+", "☑": "*", "⟳": "~", "⇄": "~", "⇊": "~", "✗": "x", "✓": "+", "»": ">>"}
    | {"…": "...", "“": '"', "”": '"', "·": "-", "—": "-", "’": "'"}
)
# JSON may hold these raw, but a terminal would obey them.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")
# A result that is a patch, but for a few words before it; in a longer text a patch is an example.
_PATCH = re.compile(r"(?:.*\n){0,6}?--- .*\n\+\+\+ .*\n@@ -\d")


def wants_plain(flag: bool, out: TextIO) -> bool:
    """Return whether to do without colour and cursor movement."""
    environ = os.environ
    return (
        flag
        or not out.isatty()
        or environ.get("TERM", "") in {"", "dumb", "unknown"}
        or bool(environ.get("NO_COLOR"))
        or environ.get("ACCESSIBLE", "").strip().lower() not in {"", "0", "false", "no", "off"}
    )


class Screen:
    """Appends text and lines; nothing written is ever written again.

    Args:
        plain: No colour, no cursor movement.
        out: Takes the answer.
        side: Takes every other line; `out` by default.
        on_gone: Called once when nobody reads `out` any more.
    """

    def __init__(
        self,
        *,
        plain: bool,
        out: TextIO | None = None,
        side: TextIO | None = None,
        on_gone: Callable[[], None] | None = None,
    ) -> None:
        self.plain = plain
        self.theme = Theme("plain", 0) if plain else choose(None, os.environ)
        """The colours."""
        self.on_gone = on_gone
        self.refused: OSError | None = None
        """Why `out` takes no more, unless its reader has just left: a full disk, say."""
        self._out = out or sys.stdout
        self._side = side or self._out
        self._shared = self._side is self._out or (self._side.isatty() and self._out.isatty())
        self._ascii = "utf" not in (self._out.encoding or "").lower()
        self._mid_line = False
        self._gone = False

    @property
    def columns(self) -> int:
        """The width of the terminal; wide where there is none."""
        return shutil.get_terminal_size((80, 24)).columns if self._side.isatty() else 200

    def show(self, piece: Piece) -> None:
        """Show one piece of a turn."""
        if isinstance(piece, Say):
            self.text(piece.text)
        elif isinstance(piece, EndLine):
            self.end_line()
        elif isinstance(piece, Line):
            self.line(piece.text, piece.style)
        elif isinstance(piece, Began):
            self.line("  " * piece.depth + clip(f"⚙ {piece.call}", max(20, self.columns - 1)), "tool")
        elif isinstance(piece, Ended):
            # Tools may run side by side: a result that does not follow its call says whose it is.
            name = "" if piece.follows else f"{piece.name}: "
            took = f" ({piece.took:.1f} s)" if piece.took >= 1 else ""
            room = max(20, self.columns - 1) - len(took) - 2
            self.line("  " * (piece.depth + 1) + clip(f"→ {name}{piece.text}", room) + took, piece.style)
            self.patch(piece.content)
        elif isinstance(piece, Patch):
            self.changes(piece.text)
        elif isinstance(piece, Busy):
            self.busy(piece)

    def steering(self, texts: list[str]) -> None:
        """Show what the running turn will be given, where there is a live area."""

    def patch(self, content: str) -> None:
        """Append a tool's result that is a patch as one; anything else stays the line it is."""
        if _PATCH.match(content):
            self.changes(content)

    def changes(self, patch: str) -> None:
        """Append changes to files."""
        from lra.chat.diff import render_patch

        # It is made safe line by line, as far as it is shown.
        patch = patch.translate(ASCII) if self._ascii else patch
        drawn = render_patch(patch, self.columns, self.theme, ascii=self._ascii)
        self._write(self._side, drawn if drawn.endswith("\n") or not drawn else drawn + "\n")

    @property
    def blocks(self) -> list[str]:
        """The numbered blocks of code of an answer that is being written; here none have numbers."""
        return []

    @property
    def in_block(self) -> bool:
        """Whether the last of them goes on."""
        return False

    def echo(self, text: str) -> None:
        """Show a message that was entered; on a plain terminal it stands there as it was typed."""

    def answered(self, question: str, answer: str) -> None:
        """Show a question with its answer; on a plain terminal they stand there as they were typed."""

    def asked(self, lines: list[tuple[str, Style]]) -> None:
        """Show what a question is about; an empty list when it is answered."""
        self.end_line()
        for text, style in lines:
            self.line(text, style)

    def calm(self) -> None:
        """Show that nothing is going on any more."""
        self.end_line()

    def repaint(self) -> None:
        """Show what has changed in the live area, where there is one."""

    def text(self, text: str) -> None:
        """Append to the answer."""
        self._write(self._out, self._safe(text))
        self._mid_line = not text.endswith("\n")

    def end_line(self) -> None:
        """Finish the answer's line if it is open."""
        if self._mid_line:
            self._mid_line = False
            self._write(self._out, "\n")

    def line(self, text: str = "", style: Style = "plain") -> None:
        """Append a line of its own."""
        if self._mid_line and self._shared:
            self._mid_line = False
            self._write(self._side, "\n")
        if not self.plain or self._side.isatty():
            text = fold(self._safe(text), self.columns)
        self._write(self._side, self.styled(text, style) + "\n")

    def data(self, line: str) -> None:
        """Append a line of JSON."""
        self._write(self._out, _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", line) + "\n")

    def prompt(self, mark: str) -> None:
        """Write the mark of a plain prompt; what is typed follows it."""
        self.end_line()
        *lines, last = fold(self._safe(mark), self.columns).split("\n")
        self._write(self._side, "".join(line + "\n" for line in lines) + last)

    def raw(self, control: str) -> None:
        """Send a control sequence of our own."""
        if not self.plain:
            self._write(self._out, control)

    def styled(self, text: str, style: Style) -> str:
        """Return text made safe, with the style's colour around each of its lines."""
        text = self._safe(text)
        return text if self.plain else self.theme.paint(text, style)

    def busy(self, busy: Busy | None) -> None:
        """Take note of what is going on, where there is a live area to show it in."""

    def tick(self) -> None:
        """Let what moves with time move, where something does."""

    def _safe(self, text: str) -> str:
        text = printable(text.replace("\r\n", "\n").replace("\r", "\n"))
        return text.translate(ASCII) if self._ascii else text

    def _write(self, stream: TextIO, text: str) -> None:
        if self._gone:
            return
        try:
            stream.write(text)
            stream.flush()
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:
            # The reader of a pipe, or the terminal itself, is gone, or there is no room.
            self._gone = stream is self._out
            left = isinstance(error, BrokenPipeError) or getattr(error, "errno", None) == errno.EIO
            if self._gone and isinstance(error, OSError) and not left:
                self.refused = error
            if self._gone and self.on_gone is not None:
                self.on_gone()


def check_taken(screen: Screen) -> None:
    """Check that everything written was taken, or that whoever read it had heard enough.

    Raises:
        LraError: Standard output refused what it was given.
    """
    if screen.refused is not None:
        reason = screen.refused.strerror or str(screen.refused)
        raise LraError(f"Standard output cannot be written: {reason}.") from screen.refused


def silence(stream: TextIO) -> None:
    """Point a stream whose reader is gone at nothing, so that closing it at exit does not complain."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
