"""A program in a terminal of its own, read as a person reads it: from the screen and its scrollback."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pyte

ROOT = Path(__file__).parents[2]
TIMEOUT = 20.0
_WHOLE = 0.02
"""Seconds after which nothing more belongs to the last write."""
_LONGEST = 0.2
"""Seconds that a repaint may take to arrive, where others follow it without a pause."""
_ECHO = 24
"""How much of a line is looked for in what stands above: the rest may be on another row."""
KEYS = {
    "enter": "\r",
    "alt-enter": "\x1b\r",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "left": "\x1b[D",
    "ctrl-u": "\x15",
    "ctrl-c": "\x03",
    "ctrl-d": "\x04",
    "ctrl-e": "\x05",
    "ctrl-g": "\x07",
    "ctrl-j": "\n",
    "ctrl-l": "\x0c",
    "ctrl-r": "\x12",
    "ctrl-s": "\x13",
    "ctrl-x": "\x18",
    "ctrl-z": "\x1a",
    "escape": "\x1b",
    "backspace": "\x7f",
}


class Terminal:
    """Runs a command in a pseudo-terminal and keeps the screen it draws.

    Args:
        argv: The command; the `lra` program with `lra("chat")`.
        env: The whole environment.
        cwd: Working directory.
        columns: Width.
        rows: Height.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, columns: int = 100, rows: int = 30
    ) -> None:
        self.columns = columns
        self.rows = rows
        self.raw = b""
        """Every byte that was written."""
        self._screen = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._lock = threading.RLock()
        self._heard = time.monotonic()
        """When the program last wrote something."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.first_mode = termios.tcgetattr(slave)
        self._slave = slave
        self.process = subprocess.Popen(
            list(argv),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env={"TERM": "xterm-256color", **env},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one call, no locks
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                ready = select.select([self._master], [], [], 0.2)[0]
                data = os.read(self._master, 65536) if ready else b""
            except (OSError, ValueError):
                return
            if not data:
                continue
            with self._lock:
                self.raw += data
                self._stream.feed(data)
                self._heard = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the program, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(TIMEOUT)
        for fd in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(fd)
        self._reader.join(2)

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size, as a person drags its corner; lines that do not fit scroll away upwards."""
        with self._lock:
            # What falls off the top goes to the scrollback, as in every terminal; the emulator would drop it.
            while self._screen.cursor.y >= rows:
                self._screen.history.top.append(self._screen.buffer[0])
                for row in range(self._screen.lines - 1):
                    self._screen.buffer[row] = self._screen.buffer[row + 1]
                self._screen.buffer.pop(self._screen.lines - 1, None)
                self._screen.cursor.y -= 1
            kept_rows = self._screen.cursor.y
            if rows < self._screen.lines:
                for row in range(rows, self._screen.lines):
                    self._screen.buffer.pop(row, None)
                self._screen.lines = rows
            self._screen.resize(rows, columns)
            self._screen.cursor.y = kept_rows
            self.columns, self.rows = columns, rows
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal under the program, as when its window is closed."""
        os.close(self._slave)
        os.close(self._master)

    def send(self, text: str) -> None:
        """Type text; `\\r` is Enter."""
        data = text.encode()
        while data:
            data = data[os.write(self._master, data) :]

    def press(self, *names: str) -> None:
        """Press named keys."""
        for name in names:
            self.send(KEYS[name])

    def paste(self, text: str) -> None:
        """Paste as terminals do when a program asked to be told."""
        self.send(f"\x1b[200~{text}\x1b[201~")

    @property
    def lines(self) -> list[str]:
        """Scrollback and screen, top to bottom, without trailing blanks."""
        with self._lock:
            top = [self._text(line) for line in self._screen.history.top]
            shown = [line.rstrip() for line in self._screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return top + shown

    def _text(self, line: Any) -> str:
        return "".join(line[column].data for column in range(max(self.columns, *line, 0) + 1)).rstrip()

    @property
    def text(self) -> str:
        """Scrollback and screen as one text."""
        return "\n".join(self.lines)

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row of the cursor, from 0."""
        with self._lock:
            return self._screen.cursor.x, self._screen.cursor.y

    @property
    def line(self) -> str:
        """The line the cursor is in."""
        with self._lock:
            return str(self._screen.display[self._screen.cursor.y]).rstrip()

    @property
    def here(self) -> tuple[str, int]:
        """The line the cursor is in, and its column, both of one moment."""
        with self._lock:
            cursor = self._screen.cursor
            return str(self._screen.display[cursor.y]).rstrip(), cursor.x

    def wait(self, what: str | re.Pattern[str] | Callable[[Self], bool], timeout: float = TIMEOUT) -> float:
        """Wait for text, a pattern or a condition, and for the rest of the repaint that brought it.

        Returns:
            How long it took to come.

        Raises:
            AssertionError: It did not come; the message shows the screen.
        """
        started = time.monotonic()
        while True:
            if self._holds(what):
                took = time.monotonic() - started
                until = time.monotonic() + _LONGEST
                while not self.quiet and time.monotonic() < until:
                    time.sleep(_WHOLE / 4)
                return took
            if time.monotonic() - started > timeout:
                raise AssertionError(f"{what!r} did not appear in {timeout:g} s; the terminal shows:\n{self.text}")
            if self.process.poll() is not None and not self._settle():
                if self._holds(what):
                    return time.monotonic() - started
                raise AssertionError(f"{what!r} did not appear before the end; the terminal shows:\n{self.text}")
            time.sleep(0.01)

    def _holds(self, what: str | re.Pattern[str] | Callable[[Self], bool]) -> bool:
        # All that a condition looks at is of one moment.
        with self._lock:
            if isinstance(what, str):
                return what in self.text
            return bool(what.search(self.text)) if isinstance(what, re.Pattern) else what(self)

    def _settle(self) -> bool:
        """Return whether output was still arriving from a program that has ended."""
        before = len(self.raw)
        time.sleep(0.3)
        return len(self.raw) > before

    def prompt(self, timeout: float = TIMEOUT) -> float:
        """Wait for an empty prompt with the cursor in it and nothing running: what runs is told in the prompt.

        Keys that were sent just before may not have arrived: wait for what they cause first, or use `tell`.
        """
        return self.wait(lambda terminal: terminal.here == (">", 2) and terminal.quiet, timeout)

    def tell(self, line: str, expected: str | re.Pattern[str], timeout: float = TIMEOUT) -> None:
        """Enter a line in an empty prompt; wait for something below its echo, and for the next empty prompt."""
        echo = f"> {line}"[:_ECHO].rstrip()

        def below() -> list[str] | None:
            lines = self._above
            echoes = [number for number, shown in enumerate(lines) if shown.startswith(echo)]
            return self.lines[echoes[-1] + 1 :] if len(echoes) > before else None

        def told(terminal: Terminal) -> bool:
            lines = below() if terminal.here == (">", 2) and terminal.quiet else None
            text = "\n".join(lines or [])
            return bool(expected.search(text)) if isinstance(expected, re.Pattern) else expected in text

        before = sum(shown.startswith(echo) for shown in self._above)
        self.send(f"{line}\r")
        try:
            self.wait(told, timeout)
        except AssertionError as error:
            raise AssertionError(f"{expected!r}, after {line!r}: {error}") from None

    @property
    def _above(self) -> list[str]:
        """The lines above that of the cursor."""
        with self._lock:
            return self.lines[: len(self._screen.history.top) + self._screen.cursor.y]

    @property
    def quiet(self) -> bool:
        """Whether what was last written is whole, as far as one can tell: nothing has followed it."""
        return time.monotonic() - self._heard > _WHOLE

    def end(self, timeout: float = TIMEOUT) -> int:
        """Wait for the program to end by itself; returns its exit code."""
        code = self.process.wait(timeout)
        self._settle()
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.process.pid, number)

    @property
    def screen(self) -> list[str]:
        """What is on the screen now, without the scrollback and without trailing blanks."""
        with self._lock:
            shown = [line.rstrip() for line in self._screen.display]
        while shown and not shown[-1]:
            shown.pop()
        return shown

    @property
    def mode(self) -> list[Any]:
        """The terminal's mode now."""
        return termios.tcgetattr(self._slave)


def lra(*arguments: str) -> list[str]:
    """The command line of the program under test."""
    return [sys.executable, "-m", "lra", *arguments]


def plain_env(home: Path, **extra: str) -> dict[str, str]:
    """An environment with nothing of the machine's own: no keys, no proxies, a home folder of the test's."""
    return {
        "HOME": str(home),
        "LRA_HOME": str(home / "data"),
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "LANG": "C.UTF-8",
        "LRA_EMBEDDING": "none",
        # Nothing answers here, whatever runs on the machine.
        "OLLAMA_BASE_URL": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        **extra,
    }
