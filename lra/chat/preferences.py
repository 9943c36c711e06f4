"""What a person has chosen about the look and the keys; kept across runs in a small private file."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from lra.store.whole_file import replace_file

FILE = "ui.json"


class Preferences:
    """The choices of one data folder.

    Args:
        home: The data folder.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / FILE
        self._values: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            values = json.loads(self._path.read_text("utf-8"))
            self._values = values if isinstance(values, dict) else {}

    @property
    def theme(self) -> str | None:
        """The name of the theme; None when none was chosen."""
        return self._text("theme")

    @property
    def keys(self) -> str:
        """`vi` or `emacs`."""
        return "vi" if self._text("keys") == "vi" else "emacs"

    def _text(self, name: str) -> str | None:
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def keep(self, **values: str) -> None:
        """Remember choices; a folder that cannot be written costs the memory of them, not the chat."""
        self._values.update(values)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._path, json.dumps(self._values, indent=2).encode())
