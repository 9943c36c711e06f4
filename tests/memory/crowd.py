"""Many real processes that write to one record, half of them killed in the middle of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lra.errors import LraError

ROOT = Path(__file__).parents[2]


class Writer:
    """A process that remembers and searches on command; see `tests.memory.writer`."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.prefix = prefix
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.memory.writer", str(folder), prefix],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        self.send(line)
        return self.read()

    def kill(self) -> list[str]:
        """End it at once; returns what it still said."""
        self.process.send_signal(signal.SIGKILL)
        assert self.process.stdout is not None
        said = self.process.stdout.read().split("\n")[:-1]
        self.process.communicate()
        return said

    def end(self) -> int:
        self.process.communicate("", timeout=60)
        return self.process.returncode


@dataclass(frozen=True)
class Outcome:
    """What became of everything that was said to be kept."""

    kept: int
    unfindable: int
    """Texts that another process does not find by their own vectors."""


def text_of(name: str) -> str:
    """Return what a writer remembers under a name."""
    return f"{name} words of {name.rstrip('0123456789')}"


def crowd(folder: Path, writers: list[Writer], *, processes: int, writes: int) -> Outcome:
    """Let processes write at once, kill every other one half way, and look for all that was kept.

    Args:
        folder: Where the record is.
        writers: Receives every process that was started, so that the caller can end it.
        processes: How many write at once.
        writes: What each of them writes; those that are killed are followed by another that writes as much.
    """

    def start(prefix: str) -> Writer:
        writers.append(Writer(folder, prefix))
        writers[-1].send(f"write 0 {writes}")
        return writers[-1]

    first = [start(f"writer{chr(97 + number)}x") for number in range(processes)]
    lines: list[str] = []
    last: list[Writer] = []
    for number, writer in enumerate(first):
        if number % 2:
            lines += [writer.read() for _ in range(writes // 2)]
            lines += writer.kill()
            last.append(start(f"again{chr(97 + number)}x"))
        else:
            last.append(writer)
    for writer in last:
        lines += [writer.read() for _ in range(writes)]
    assert all(line.startswith("kept ") for line in lines)
    names = [line.split()[1] for line in lines]
    if last[0].ask("drain 300") != "drained":
        raise LraError("The outbox cannot be drained.")
    missing = [name for name in names if last[-1].ask(f"find {text_of(name)}") != text_of(name)]
    return Outcome(len(names), len(missing))


def lag(writer: Writer, reader: Writer, number: int) -> float:
    """Return after how many seconds another process finds a new memory by its vector."""
    name = writer.ask(f"write {number} {number + 1}").split()[1]
    begun = time.perf_counter()
    while reader.ask(f"find {text_of(name)}") != text_of(name):
        if time.perf_counter() - begun > 30:
            break
    return time.perf_counter() - begun
