"""What was typed before: kept across runs, private, of bounded size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from prompt_toolkit.history import FileHistory

from lra.store.whole_file import replace_file
from lra.text import clean_text

KEPT = 5_000
"""Entries that survive when the file is trimmed."""
_TRIM_BYTES = 4_000_000
MARK = "[forgotten]"


class PromptHistory(FileHistory):
    """The history file of one data folder.

    Args:
        path: The file; created, readable by its owner alone, when the first line is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with contextlib.suppress(OSError):
            trim(path)
        self.fold: Callable[[str], str] = lambda entry: entry
        """How an entry is shown in the prompt; the file keeps it whole."""
        super().__init__(str(path))

    def load_history_strings(self) -> Iterator[str]:
        """Read the entries, the newest first."""
        return map(self.fold, super().load_history_strings())

    def append_string(self, string: str) -> None:
        """Keep an entry unless it repeats the one before."""
        string = clean_text(string)
        shown = self.fold(string)
        if string.strip() and self._loaded_strings[:1] != [shown]:
            self._loaded_strings.insert(0, shown)
            self.store_string(string)

    def store_string(self, string: str) -> None:
        """Write an entry; a folder that cannot be written costs the history, not the chat."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
            super().store_string(string)

    def forget(self, text: str) -> None:
        """Replace a forgotten text in the file and in what is loaded."""
        if not text.strip():
            return
        from lra.store.redaction import span_pattern
        from lra.store.typed import asked_less

        forget_in_file(self._path, text)
        pattern = span_pattern(text)
        self._loaded_strings = [asked_less(pattern.sub(MARK, entry), text) for entry in self._loaded_strings]


def trim(path: Path) -> None:
    """Cut a history file to its last entries when it has grown far beyond them."""
    if not path.exists() or path.stat().st_size < _TRIM_BYTES // 2:
        return
    entries = path.read_bytes().split(b"\n# ")
    if len(entries) <= 2 * KEPT and path.stat().st_size < _TRIM_BYTES:
        return
    kept: list[bytes] = []
    size = 0
    for entry in reversed(entries[-KEPT:]):
        size += len(entry)
        if size > _TRIM_BYTES // 2:
            break
        kept.append(entry)
    replace_file(path, b"\n# " + b"\n# ".join(reversed(kept)).removeprefix(b"\n# "))


def forget_in_file(path: Path, text: str) -> None:
    """Replace a text by `[forgotten]` wherever it stands as whole words, and what was typed to find it."""
    if text.strip() and path.exists():
        # Loaded late: the prompt comes before the record's library.
        from lra.store import typed

        typed.forget_in_file(path, text)
