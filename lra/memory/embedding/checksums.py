"""SHA-256 of large files, remembered so that an unchanged file is read once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

REMEMBERED = "checksums.json"


def sha256_of(path: Path) -> str:
    """Hash a file by reading it; about 0.1 s for 90 MB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_sha256(path: Path, memory: Path | None) -> str:
    """Hash a file, or return what was found before when neither its size nor its time changed.

    Args:
        path: The file.
        memory: Folder for the note of what was found; None hashes every time. A folder that cannot be
            written to is no error.

    Returns:
        64 hex digits.

    Raises:
        OSError: The file cannot be read.
    """
    if memory is None:
        return sha256_of(path)
    info = path.stat()
    key, seen = str(path.absolute()), [info.st_size, info.st_mtime_ns]
    notes = _read(memory / REMEMBERED)
    note = notes.get(key)
    if isinstance(note, dict) and note.get("seen") == seen and isinstance(note.get("sha256"), str):
        return str(note["sha256"])
    digest = sha256_of(path)
    notes = {name: note for name, note in notes.items() if Path(name).exists()}
    notes[key] = {"seen": seen, "sha256": digest}
    with contextlib.suppress(OSError):
        _write(memory / REMEMBERED, notes)
    return digest


def _read(path: Path) -> dict[str, Any]:
    try:
        notes = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _write(path: Path, notes: dict[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file private; replacing it keeps a second process from reading half of it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{REMEMBERED}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(notes, file, indent=1)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
