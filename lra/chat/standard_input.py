"""Standard input beside a message that was given: text that is added to it, or lines that follow it."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_AGAIN = 0.05
"""Seconds before a pipe that does not wait by itself is asked again."""


class StandardInput:
    """Reads standard input in a thread that never keeps the process alive.

    What comes soon is text, up to its end. A pipe that stays silent at first brings lines.

    Args:
        patience: Seconds to wait for the first byte of a pipe that somebody may have forgotten to close.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.terminal = False
        """Whether it is a terminal, which is not read from."""
        self.ended = False
        """Whether nothing more comes; in `lines`, once all that came has been given on."""
        self._pieces: list[bytes] = []
        self._change = asyncio.Event()
        self._waits = False
        """Whether the other end may keep it open without writing."""
        self._began = 0.0

    def start(self) -> None:
        """Begin to read; call it on the event loop."""
        self._began = time.monotonic()
        if sys.stdin is None or sys.stdin.closed:
            self.ended = True
            return
        if sys.stdin.isatty():
            self.terminal = self.ended = True
            return
        mode = os.fstat(sys.stdin.fileno()).st_mode
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        loop, handle = asyncio.get_running_loop(), sys.stdin.fileno()
        threading.Thread(target=self._read, args=(handle, loop), name="standard input", daemon=True).start()

    def _read(self, handle: int, loop: asyncio.AbstractEventLoop) -> None:
        # Not through the buffered file: its lock must be free when the interpreter ends before the pipe does.
        piece: bytes | None = None
        while piece != b"":
            try:
                piece = os.read(handle, 65536)
            except BlockingIOError:
                time.sleep(_AGAIN)
                continue
            except OSError:
                piece = b""
            try:
                loop.call_soon_threadsafe(self._came, piece)
            except RuntimeError:
                # The loop is closed: nobody waits for more.
                return

    def _came(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
        else:
            self.ended = True
        self._change.set()

    async def text(self) -> str | None:
        """Return all that comes, up to the end; None when nothing has come for so long that nothing may ever come.

        Bytes that are no UTF-8 stay as surrogate escapes.
        """
        if self._waits:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._began + self.patience - time.monotonic()):
                    await self._changed(lambda: bool(self._pieces))
            if not self._pieces and not self.ended:
                return None
        await self._changed(lambda: False)
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces).decode("utf-8-sig", "surrogateescape")

    async def _changed(self, enough: Callable[[], bool]) -> None:
        """Wait until there is enough, or no more."""
        while not self.ended and not enough():
            self._change.clear()
            await self._change.wait()

    async def lines(self, take: Callable[[bytes], None]) -> None:
        """Give on every line, until there are no more."""
        rest = b""
        while True:
            await self._changed(lambda: bool(self._pieces))
            *lines, rest = (rest + b"".join(self._pieces)).split(b"\n")
            self._pieces.clear()
            for line in lines:
                take(line)
            if self.ended:
                if rest:
                    take(rest)
                return
