"""Which embedder's vectors answer: the earlier one's, until those of the one that is wanted now are complete.

One small file beside the database says so to every process. Without it, or without the earlier embedder, the wanted
one answers with what it has.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "answering.json"


@dataclass(frozen=True, slots=True)
class Answering:
    """An embedder whose vectors were complete at some time."""

    fingerprint: str
    embedding: str
    """What `LRA_EMBEDDING` would have to be for it; empty when no setting leads to it."""


class AnsweringFile:
    """Reads and writes it; blocks.

    Args:
        folder: The folder of the record's index files.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._known: tuple[int, Answering | None] = (0, None)

    def read(self) -> Answering | None:
        """Return which one answers; None when that was never written, or cannot be read."""
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._known[0]:
                self._known = (changed, Answering(**json.loads(self._path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):
            return None
        return self._known[1]

    def write(self, answering: Answering) -> None:
        """Say which one answers from now on; who reads sees the old or the new, nothing between."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(f"{NAME}.{secrets.token_hex(4)}")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(answering), file)
            fresh.replace(self._path)
        finally:
            fresh.unlink(missing_ok=True)

    def remove(self) -> None:
        """Say that none is known to be complete."""
        self._path.unlink(missing_ok=True)
