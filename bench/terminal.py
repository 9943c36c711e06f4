"""A program at a terminal of its own, watched until it shows a prompt."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pyte

LIMIT = 60.0
MARK = ">"
_WHERE_IS_THE_CURSOR = b"\x1b[6n"


class Terminal:
    """The screen of one running program."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self._screen)
        self.received = 0
        """Bytes that the program wrote."""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._descriptor, text.encode())

    @property
    def shown(self) -> list[str]:
        """What is on the screen."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def idle(self) -> bool:
        """Whether the cursor is in an empty prompt."""
        return self.shown[self._screen.cursor.y] == MARK

    def wait_for_prompt(self) -> float:
        """Read until a line begins with the prompt's mark; returns when that was, on the monotonic clock."""
        deadline = time.perf_counter() + LIMIT
        while time.perf_counter() < deadline:
            if not select.select([self._descriptor], [], [], 0.5)[0]:
                continue
            try:
                data = os.read(self._descriptor, 65_536)
            except OSError:
                break
            seen = time.perf_counter()
            if _WHERE_IS_THE_CURSOR in data:
                os.write(self._descriptor, b"\x1b[1;1R")
            self.received += len(data)
            self._stream.feed(data)
            if any(line.startswith(MARK) for line in self._screen.display):
                return seen
        raise RuntimeError("no prompt was shown: " + " / ".join(line for line in self._screen.display if line.strip()))

    def drain(self, seconds: float) -> None:
        """Keep reading, so that the program is not held up by a full terminal."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if select.select([self._descriptor], [], [], left)[0]:
                with suppress(OSError):
                    data = os.read(self._descriptor, 65_536)
                    self.received += len(data)
                    self._stream.feed(data)

    def resident_mb(self) -> float:
        """Memory that the program holds now."""
        return resident_mb(self.pid)


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended")


@contextmanager
def running(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    """Start a program at a new terminal, and end it."""
    pid, descriptor = pty.fork()
    if pid == 0:
        try:
            os.chdir(folder)
            os.execve(command[0], list(command), dict(environ))
        finally:
            os._exit(127)
    try:
        yield Terminal(pid, descriptor)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)


def chat_command() -> list[str]:
    """Return what starts a conversation, as it is installed."""
    import sys

    program = Path(sys.executable).with_name("lra")
    return [str(program), "chat"] if program.exists() else [sys.executable, "-m", "lra", "chat"]


def private_environ(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which lra finds nothing of the person who runs the benchmarks."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LRA_", "OPENAI_", "ANTHROPIC_"))}
    home.mkdir(parents=True, exist_ok=True)
    settings = {"HOME": str(home), "LRA_HOME": str(home / "lra"), "LRA_MODEL": "offline", "LRA_EMBEDDING": "none"}
    return {**kept, "TERM": "xterm-256color", **settings, **more}
