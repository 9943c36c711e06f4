"""Reading lines without moving the cursor: plain terminals, screen readers and pipes."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Callable, Collection

from lra.chat.keyboard import Keyboard
from lra.chat.queue import Message
from lra.chat.reader import Reopened
from lra.chat.screen import Screen

MARK = "> "
_TOGETHER_SECONDS = 0.05
"""Lines that come closer together than this were not typed but pasted."""
_PASTE_SECONDS = 0.4
"""How long the next piece of what is being pasted may take, on a machine that is busy."""

_BEGUN_BYTES = 2
"""So much of a line is there at once only when it was pasted."""


class PlainReader:
    """Reads lines that the terminal itself edits, or that a pipe brings.

    Args:
        fd: Where lines come from.
        screen: Where the mark of the prompt goes.
        keyboard: The terminal between prompts; None for a pipe, where nobody is asked.
        on_shown: Called when the prompt stands for the first time.
    """

    def __init__(self, *, fd: int, screen: Screen, keyboard: Keyboard | None, on_shown: Callable[[], None]) -> None:
        self.interactive = keyboard is not None
        self._fd = fd
        self._screen = screen
        self._keyboard = keyboard
        self._on_shown: Callable[[], None] | None = on_shown
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._buffer = ""
        self._waiting: asyncio.Future[None] | None = None
        self._reading = False
        self._ended = self._left = False

    @property
    def completed(self) -> Collection[str]:
        """Nothing is offered here."""
        return ()

    async def next(self, default: str = "") -> Message:
        """Return the next message; a trailing backslash joins the next line to it, and so does pasting them at once."""
        self._reading = True
        try:
            if default and self._keyboard is not None:
                # The terminal's own editing begins with an empty line.
                self._screen.line(default)
                self._screen.line("Enter sends this again; anything else is sent instead.", "dim")
            message = await self._line(MARK, pasted=True)
            if default and not message.strip():
                return Message(default)
            while message.endswith("\\"):
                message = message[:-1] + await self._continued()
            return Message(message)
        finally:
            self._reading = False

    async def _continued(self) -> str:
        """Return what follows a trailing backslash; nothing where the end of input does."""
        try:
            return "\n" + await self._line("  ", pasted=True)
        except EOFError:
            if self._left:
                raise
            self._ended = True
            return ""

    async def ask(self, question: str, *, fresh: bool = False, default: str = "") -> str:
        """Ask for one short answer; see `Reader.ask`."""
        kept = ""
        if fresh and self._keyboard is not None:
            kept = self._buffer + self._keyboard.take().decode("utf-8", "replace")
            self._buffer = ""
        try:
            if default:
                # The terminal's own editing begins with an empty line: what there is stands above it.
                self._screen.line(default)
            return (await self._line(question)).strip()
        except EOFError:
            return ""
        finally:
            self._buffer = kept + self._buffer

    async def _line(self, mark: str, *, pasted: bool = False) -> str:
        if self._keyboard is None:
            self._shown()
            return await self._next_line()
        self._screen.prompt(mark)
        typed_before = "\n" in self._buffer or self._keyboard.pending()
        self._keyboard.restore()
        self._shown()
        try:
            line = await self._next_line()
            if pasted and not typed_before and not _is_command(line):
                line = await self._with_pasted(line)
        except asyncio.CancelledError:
            # What is said next does not belong behind the ^C.
            self._screen.line()
            raise
        finally:
            self._keyboard.hush()
        if typed_before:
            # The terminal did not echo it.
            self._screen.line(line)
        return line

    def _shown(self) -> None:
        on_shown, self._on_shown = self._on_shown, None
        if on_shown is not None:
            on_shown()

    async def _with_pasted(self, line: str) -> str:
        """Return a line with those that came right behind it."""
        patience = _TOGETHER_SECONDS
        while not line.endswith("\\"):
            if "\n" not in self._buffer:
                try:
                    async with asyncio.timeout(patience):
                        piece = await self._piece()
                except TimeoutError:
                    return await self._with_begun(line)
                # The end of input stands for itself, behind what came before it.
                self._ended = not piece
                self._buffer += self._decoder.decode(piece)
                if "\n" not in self._buffer:
                    return line
            line, patience = f"{line}\n{await self._next_line()}", _PASTE_SECONDS
        return line

    async def _with_begun(self, line: str) -> str:
        """Return lines with the last of what was pasted, which has no end until Enter is pressed."""
        begun = self._keyboard.begun() if self._keyboard is not None else b""
        self._buffer += self._decoder.decode(begun)
        if len(begun) < _BEGUN_BYTES:
            return line
        try:
            return f"{line}\n{await self._next_line()}"
        except Reopened:
            self._buffer = f"{line}\n{self._buffer}"
            raise

    async def _next_line(self) -> str:
        ended, self._ended = self._ended, False
        while "\n" not in self._buffer and not ended:
            piece = await self._piece()
            ended = not piece
            self._buffer += self._decoder.decode(piece, final=ended)
        if not self._buffer:
            raise EOFError
        line, _, self._buffer = self._buffer.partition("\n")
        return line.removesuffix("\r")

    async def _piece(self) -> bytes:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        try:
            loop.add_reader(self._fd, self._readable)
        except (PermissionError, NotImplementedError):
            # A regular file never makes anyone wait.
            return os.read(self._fd, 65536)
        try:
            await self._waiting
        finally:
            loop.remove_reader(self._fd)
            self._waiting = None
        try:
            return os.read(self._fd, 65536)
        except OSError:
            return b""

    def _readable(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _break(self, exception: BaseException) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exception)

    def reopen(self) -> None:
        """Take the prompt away; the terminal keeps the line that was begun."""
        if self._reading and self.interactive:
            self._screen.line()
        self._break(Reopened(""))

    def give_up(self) -> None:
        """Give the line up, as Ctrl-C does."""
        self._screen.line()
        self._break(KeyboardInterrupt())

    def leave(self) -> None:
        """End reading, as Ctrl-D does."""
        self._left = True
        self._break(EOFError())

    async def above(self, show: Callable[[], None]) -> None:
        """Write lines, and the prompt's mark again below them."""
        if not (self._reading and self.interactive):
            show()
            return
        self._screen.line()
        show()
        self._screen.prompt(MARK)

    async def close(self) -> None:
        """Nothing stands that would have to go."""

    def set_keys(self, mode: str) -> None:
        """Editing is the terminal's own here."""

    @property
    def commanding(self) -> bool:
        """Nobody knows here."""
        return False

    @property
    def watched(self) -> bool:
        """Nobody knows here."""
        return False


def _is_command(line: str) -> bool:
    return line.startswith("/") and not line.startswith("//")
