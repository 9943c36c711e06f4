"""How much room a disk has left, and what to say when it has none."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from lra.errors import LraError, StoreError
from lra.text import file_size

LITTLE = 100_000
"""Bytes below which a disk that fails is taken for full: SQLite asks for less at a time, even beside a database."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def free(place: Path) -> int | None:
    """Return how many bytes of a disk may still be written, none when it takes no more files; None when unknown.

    Args:
        place: A file or folder on it, which need not exist yet. Looked for, which blocks.
    """
    try:
        state = os.statvfs(folder_of(place))
    except OSError:
        return None
    # Some file systems count no files and report zero for both.
    if state.f_files and not state.f_favail:
        return 0
    return state.f_bavail * state.f_frsize


def folder_of(place: Path) -> Path:
    """Return the nearest folder around a place that is there."""
    folder = place.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def is_full(place: Path) -> bool:
    """Tell whether a disk has too little room left for anything to be written."""
    left = free(place)
    return left is not None and left < LITTLE


def full_disk(
    place: Path, hint: str = "Free some space on it, or set LRA_HOME to a folder on another disk."
) -> StoreError:
    """Return the error that says that the disk of a place is full, and how much is free."""
    left = free(place)
    room = "" if left is None else f": {file_size(left)} free"
    # What did not fit may have been taken away again, or be more than a quota allows.
    full = "full" if left is None or left < LITTLE else "too full for this"
    return StoreError(f"The disk that holds {folder_of(place)} is {full}{room}.", hint=hint)


def unwritten(place: Path, error: OSError, called: str = "") -> LraError:
    """Return the error behind a file that could not be written.

    Args:
        place: Which file.
        error: What the system said.
        called: The file as the person named it.
    """
    if error.errno in FULL:
        return full_disk(place, "Nothing was written; free some space on it, or name a file on another disk.")
    return LraError(f"{called or place} cannot be written: {error.strerror}.")
