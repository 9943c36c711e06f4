"""Turning database failures into sentences a person can act on."""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lra.errors import BusyError, LraError, StoreError
from lra.store.clock import iso
from lra.store.room import full_disk, is_full


def explain(error: BaseException, path: Path) -> LraError | None:
    """Return the clear error behind a database exception, or None when it is a defect of ours.

    Args:
        error: What SQLAlchemy or sqlite3 raised.
        path: The database file, named in the sentence. What is around it is looked at, which blocks.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, sqlite3.Error):
        return None
    text = str(cause).lower()
    if "locked" in text or "busy" in text:
        return BusyError(
            f"The database {path} is locked by another process.",
            hint="Try again when that process has finished.",
        )
    # SQLite says so only where it writes to the file itself; its other files fail in other words.
    if "full" in text or (
        ("disk i/o" in text or "unable to open" in text) and os.access(path.parent, os.W_OK) and is_full(path)
    ):
        return full_disk(path) if is_full(path) else _full_beside(path)
    if "readonly" in text or "read-only" in text:
        return StoreError(
            f"The database {path} is read-only.",
            hint="Make the file and its folder writable, or choose another LRA_HOME.",
        )
    if "not a database" in text or "malformed" in text or "corrupt" in text or "file is encrypted" in text:
        return StoreError(f"The database {path} is corrupt ({cause}).", hint=_way_back(path))
    if "unable to open" in text:
        why = "" if os.access(path.parent, os.W_OK) else f": the folder {path.parent} is read-only"
        return StoreError(
            f"The database {path} cannot be opened{why}.",
            hint="Make the file and its folder writable, or choose another LRA_HOME.",
        )
    if "disk i/o" in text:
        return StoreError(
            f"The disk that holds {path} fails to read or write ({cause}).",
            hint="Look whether the disk is still there and what the system says about it, then try again.",
        )
    return None


def _full_beside(path: Path) -> StoreError:
    """Return the error of a disk that is full although the database's own may not be: SQLite sorts in other folders."""
    for name in (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/tmp"):
        if name and is_full(Path(name)):
            return full_disk(Path(name), "Free some space on it, or set TMPDIR to a folder on another disk.")
    return full_disk(path)


def _way_back(path: Path) -> str:
    """Return how a person gets out of a corrupt database; looks into its folder."""
    # It needs this module.
    from lra.store.backups import DAMAGED, described

    sound = [backup for backup in described(path) if backup.why != DAMAGED]
    if not sound:
        return "Nothing was changed, and there is no backup of it. Move the file aside to begin anew."
    latest = sound[-1]
    return (
        f"Nothing was changed. `lra memory restore {shlex.quote(str(latest.path))}` goes back to the latest of"
        f" {len(sound)} backup{'' if len(sound) == 1 else 's'}, of {iso(latest.made_at)[:19].replace('T', ' ')} UTC;"
        " the corrupt file is kept beside it."
    )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise the clear error for whatever database failure happens inside."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        if clear := explain(error, path):
            raise clear from error
        raise
