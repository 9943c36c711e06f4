"""Which sandbox a session has, kept in a private file so that it is found again when the session is resumed."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_OLD = 8 * 86_400
"""Seconds after which no sandbox is left of what is written down."""


class Kept:
    """What is written down of one session's sandbox.

    Args:
        home: The data folder.
        session_id: The session.
    """

    def __init__(self, home: Path, session_id: str) -> None:
        self._folder = home / "sandboxes"
        self._session = session_id
        self._path = self._folder / f"{hashlib.sha256(session_id.encode('utf-8', 'replace')).hexdigest()[:32]}.json"

    def read(self) -> dict[str, Any]:
        """Return what was written, empty when nothing was or it cannot be read. Blocks."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) and found.get("session") == self._session else {}

    def write(self, what: dict[str, Any]) -> None:
        """Write it down, in place of what was there; without a disk that takes it, nothing is. Blocks.

        Args:
            what: JSON values by name.
        """
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._forget_old()
            fresh = self._path.with_suffix(f".{os.getpid()}")
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                json.dump({"session": self._session, **what}, file)
            os.replace(fresh, self._path)

    def forget(self) -> None:
        """Forget it. Blocks."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _forget_old(self) -> None:
        since = time.time() - _OLD
        for path in self._folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < since:
                    path.unlink()
