"""An answer that is shown while it comes."""

from __future__ import annotations

import re
from collections.abc import Callable

from lra.chat.markdown.lines import Lines
from lra.chat.markdown.parser import BlockParser
from lra.chat.markdown.renderer import Renderer
from lra.chat.markdown.spans import Look
from lra.chat.theme import Theme

# The beginning of a line that can still become anything: it would flash as a heading, a rule or a list.
_UNDECIDED = re.compile(r"[-=*_+|:>#`~ \t]*|[> \t]*\d{1,9}[.)]?[ \t]*")
_FENCE = re.compile(r"[> \t]*[`~]+")


class AnswerStream:
    """Renders Markdown while it is streamed: what is finished once and for good, what is not to be shown for now.

    However the text is cut into chunks, all that `feed` and `close` return is the same text in the end. Only whole
    lines are read, so a chunk costs what its own lines cost.

    Args:
        width: The columns of the terminal, or what returns them; a new width holds for what is finished after it.
        theme: The colours.
        ascii: Draw with ASCII alone; the answer's own characters stay.
        colour: Whether to style at all; without it marks say what styles would.
        hyperlinks: Whether the terminal follows OSC 8 links; without it addresses stand behind their text.
    """

    def __init__(
        self,
        width: Callable[[], int] | int,
        theme: Theme,
        *,
        ascii: bool = False,
        colour: bool = True,
        hyperlinks: bool = True,
    ) -> None:
        self._width = width
        look = Look(theme if colour else Theme("plain", 0), ascii, hyperlinks)
        self._renderer = Renderer(self._columns, look)
        self._parser = BlockParser(self._renderer)
        self._lines = Lines()
        self._closed = False

    def _columns(self) -> int:
        return self._width if isinstance(self._width, int) else self._width()

    @property
    def blocks(self) -> list[str]:
        """The source of each fenced block of code, in order; the last one as far as it has come."""
        return ["\n".join(lines) for lines in self._renderer.blocks]

    @property
    def in_block(self) -> bool:
        """Whether the last block of code goes on."""
        return self._parser.in_fence

    def feed(self, text: str) -> str:
        """Take a chunk; returns whole lines to append to what stands, or nothing."""
        if self._closed:
            raise ValueError("the answer is closed")
        for line in self._lines.feed(text):
            self._parser.line(line)
        return self._renderer.take()

    def tail(self, max_lines: int) -> list[str]:
        """Return the last lines of what is not finished, as it would look if it ended here.

        No line is wider than the terminal, and none holds a control sequence other than for colours.
        """
        if self._closed or max_lines <= 0:
            return []
        # What is far above the last lines need not be drawn to show them.
        characters = 4 * max_lines * max(20, self._columns())
        renderer = self._renderer.fork()
        parser = self._parser.fork(renderer, characters)
        rest = self._lines.unfinished
        undecided = _FENCE if self._parser.in_fence else _UNDECIDED
        if rest and not undecided.fullmatch(rest):
            parser.line(rest if len(rest) <= characters else rest[:40] + "… " + rest[-characters:])
        parser.unfinished()
        return renderer.take().split("\n")[:-1][-max_lines:]

    def close(self) -> str:
        """Finish the answer; returns the rest of it."""
        if self._closed:
            return ""
        self._closed = True
        if rest := self._lines.unfinished:
            self._parser.line(rest)
        self._parser.close()
        return self._renderer.take()


def preload() -> None:
    """Load what the first answer needs; meant for a thread."""
    stream = AnswerStream(80, Theme("dark", 8))
    stream.feed("# 1\n\n*a* [b](https://c.example) é日\n\n|a|\n|-|\n|b|\n\n```python\nx = 1\n```\n")
    stream.tail(1)
    stream.close()
