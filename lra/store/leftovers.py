"""Whether files hold the bytes of a text, read without touching the locks of a database that is open here.

POSIX takes all locks of a process on a file away as soon as the process closes any handle of it. A database that was
opened and closed beside SQLite would seem to be in nobody's use: the next process that leaves it would remove the log
that this one goes on writing to. So a process of its own reads.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

_CHUNK = 4 << 20


def holding(paths: Sequence[str], texts: Sequence[str]) -> int:
    """Count the files that hold the bytes of a text anywhere, in free pages too; blocks.

    A file that cannot be read counts, since nobody knows.
    """
    if not paths or not texts:
        return 0
    if os.name == "nt" or not sys.executable:
        # Locks of Windows belong to the handle.
        return _count(paths, texts) if os.name == "nt" else len(paths)
    try:
        asked = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            # Texts that are to be forgotten are no arguments: other people of the machine can list those.
            input=json.dumps({"paths": paths, "texts": texts}),
            capture_output=True,
            encoding="ascii",
            check=True,
            start_new_session=True,
        )
        return int(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return len(paths)


def _count(paths: Iterable[str], texts: Iterable[str]) -> int:
    needles = [text.encode() for text in texts]
    return sum(_holds(path, needles) for path in paths)


def _holds(path: str, needles: Sequence[bytes]) -> bool:
    overlap = max(map(len, needles)) - 1
    tail = b""
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                window = tail + chunk
                if any(needle in window for needle in needles):
                    return True
                tail = window[-overlap:] if overlap else b""
    except FileNotFoundError:
        pass
    return False


def _answer() -> None:
    question = json.load(sys.stdin)
    print(_count(question["paths"], question["texts"]))


if __name__ == "__main__":
    _answer()
