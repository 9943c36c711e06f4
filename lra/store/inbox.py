"""A small mailbox for lines typed before the store is there, or while it cannot be written.

Standard library only, so that a front can import it before its prompt. Each process has a file of its own; a line
is on disk (fsync) when `put` returns and stays until `remove`.
"""

from __future__ import annotations

import errno
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from lra.store.processes import is_alive

_RUN = os.urandom(4).hex()
"""Ends the names of this process's files: a number alone may have been an earlier process's."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that waits; `session` is where it was meant for, None for a new session."""

    id: str
    text: str
    session: str | None
    at: int
    """Microseconds since the epoch, UTC."""


class Inbox:
    """Lines of one process under `home/inbox`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "inbox"
        self._path = self._folder / _name(f"{time.time_ns():x}")
        self._waiting: dict[str, Line] = {}

    def put(self, text: str, session: str | None = None) -> str:
        """Keep a line; it is on disk when this returns.

        Returns:
            The id to remove it by.

        Raises:
            OSError: The line could not be written as a whole.
        """
        line = Line(f"{time.time_ns():x}", text, session, time.time_ns() // 1000)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._append(line)
        self._waiting[line.id] = line
        return line.id

    def _append(self, line: Line) -> None:
        record = {"id": line.id, "text": line.text, "session": line.session, "at": line.at}
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            start, data = os.fstat(handle).st_size, json.dumps(record).encode() + b"\n"
            if os.write(handle, data) < len(data):
                os.ftruncate(handle, start)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            os.fsync(handle)
        finally:
            os.close(handle)

    def waiting(self) -> list[Line]:
        """Return the lines that were put here and not removed, in order."""
        return list(self._waiting.values())

    def remove(self, line_id: str) -> None:
        """Drop a line that reached the store."""
        self._waiting.pop(line_id, None)
        if not self._waiting:
            self._path.unlink(missing_ok=True)

    def claim_orphans(self) -> list[tuple[Path, list[Line]]]:
        """Take over the lines of processes that are gone, oldest file first; the caller removes each file.

        A file is renamed first, so that of several processes one has it; should that one die, it is an orphan again.
        """
        found = []
        for path in sorted(self._folder.glob("*.jsonl"), key=lambda path: path.name.partition("-")[2]):
            pid, _, rest = path.stem.partition("-")
            made = rest.partition("-")[0]
            if path.name == _name(made) or not pid.isdigit() or _elsewhere(int(pid)):
                continue
            mine = path.with_name(_name(made))
            try:
                path.rename(mine)
            except FileNotFoundError:
                continue
            found.append((mine, _read(mine)))
        return found


def _name(made: str) -> str:
    return f"{os.getpid()}-{made}-{_RUN}.jsonl"


def _read(path: Path) -> list[Line]:
    lines = []
    for raw in path.read_bytes().splitlines():
        try:
            record = json.loads(raw)
            lines.append(Line(record["id"], record["text"], record["session"], record["at"]))
        except (ValueError, KeyError, TypeError):
            # The last line of a process that died while writing it.
            continue
    return lines


def _elsewhere(pid: int) -> bool:
    """Tell whether a file's process lives; with our own number it was an earlier process that had it."""
    return pid != os.getpid() and is_alive(pid)
