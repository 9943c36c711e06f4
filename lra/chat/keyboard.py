"""The keyboard between two prompts: nothing is echoed, and what is typed waits for the next prompt."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import sys
from collections.abc import Iterator

if sys.platform != "win32":
    import termios


class Keyboard:
    """The mode of the terminal while no prompt reads from it.

    Ctrl-C and Ctrl-Z stay signals; everything else stays in the terminal's buffer, unchanged and unseen.

    Args:
        fd: The terminal; anything else is left alone.
        by_line: Keep the terminal's own line editing, for prompts that rely on it.
    """

    def __init__(self, fd: int, *, by_line: bool = False) -> None:
        self._fd = fd
        self.by_line = by_line
        self._before: list[int | list[bytes | int]] | None = None
        self.ahead = b""
        """What was typed before the terminal was ours, for the first prompt."""

    def hush(self) -> None:
        """Enter the mode; the first call notes the mode to go back to. A console without modes stays as it is."""
        if sys.platform == "win32":
            return
        try:
            mode = termios.tcgetattr(self._fd)
        except (termios.error, OSError, ValueError):
            return
        first = self._before is None
        if self._before is None:
            self._before = [*mode[:6], list(mode[6])]
            atexit.register(self.restore)
        mode[3] &= ~termios.ECHO
        # Ctrl-C must throw away neither what was typed nor what was written.
        mode[3] |= termios.ISIG | termios.NOFLSH
        if not self.by_line:
            mode[3] &= ~termios.ICANON
            # Enter is kept as the key it is, for the prompt that reads it later.
            mode[0] &= ~termios.ICRNL
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        self._set(mode)
        if first and not self.by_line:
            # Enter was a line break until now, which the prompt would take for one to write.
            self.ahead = self.take().replace(b"\n", b"\r")

    def restore(self) -> None:
        """Go back to the mode from before."""
        if self._before is not None:
            self._set(self._before)

    def _set(self, mode: list[int | list[bytes | int]]) -> None:
        if sys.platform == "win32":
            return
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def pending(self) -> bool:
        """Return whether something was typed and not read yet."""
        try:
            return bool(select.select([self._fd], [], [], 0)[0])
        except (OSError, ValueError):
            return False

    def take(self) -> bytes:
        """Return what was typed and not read yet."""
        taken = b""
        with contextlib.suppress(OSError):
            while self.pending() and (piece := os.read(self._fd, 4096)):
                taken += piece
        return taken

    def begun(self) -> bytes:
        """Return what stands in the terminal's own line editing, which is then no longer to be edited."""
        if sys.platform == "win32":
            return b""
        try:
            mode = termios.tcgetattr(self._fd)
        except (termios.error, OSError, ValueError):
            return b""
        if not mode[3] & termios.ICANON:
            return b""
        # Only without the editing does the terminal give a line that has no end yet.
        self._set([*mode[:3], mode[3] & ~termios.ICANON, *mode[4:]])
        try:
            return self.take()
        finally:
            self._set(mode)

    def stop(self) -> None:
        """Give the shell its terminal as it was, stop, and take up the present mode when brought back."""
        if sys.platform == "win32":
            return
        try:
            mode = termios.tcgetattr(self._fd)
        except (termios.error, OSError, ValueError):
            mode = None
        self.restore()
        before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            # The whole group, as the terminal's own key does: a script that started the program stops with it.
            os.kill(0, signal.SIGTSTP)
        finally:
            signal.signal(signal.SIGTSTP, before)
            if mode is not None:
                self._set(mode)

    @contextlib.contextmanager
    def suspendable(self) -> Iterator[None]:
        """Let Ctrl-Z give the shell its terminal as it was, and take the mode up again afterwards."""
        if sys.platform == "win32":
            yield
            return

        def stop(_number: int, _frame: object) -> None:
            self.restore()
            # The terminal's own signal has already stopped the rest of the group.
            os.kill(os.getpid(), signal.SIGSTOP)
            self.hush()

        before = signal.signal(signal.SIGTSTP, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGTSTP, before)
