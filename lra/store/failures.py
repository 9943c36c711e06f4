"""Turning database failures into sentences a person can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from lra.errors import BusyError, LraError, StoreError


def explain(error: BaseException, path: Path) -> LraError | None:
    """Return the clear error behind a database exception, or None when it is a defect of ours.

    Args:
        error: What SQLAlchemy or sqlite3 raised.
        path: The database file, named in the sentence.
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
    if "full" in text:
        return StoreError(f"The disk that holds {path} is full.", hint="Free some space and try again.")
    if "readonly" in text or "read-only" in text:
        return StoreError(
            f"The database {path} is read-only.",
            hint="Make the file and its folder writable, or choose another LRA_HOME.",
        )
    if "not a database" in text or "malformed" in text or "corrupt" in text or "file is encrypted" in text:
        return StoreError(
            f"The database {path} is corrupt ({cause}).",
            hint=f"Nothing was changed. Move it aside or restore a backup ({path.name}.backup-* beside it, if any).",
        )
    if "unable to open" in text:
        return StoreError(
            f"The database {path} cannot be opened.", hint="Check that its folder exists and is writable."
        )
    if "disk i/o" in text:
        return StoreError(f"The disk that holds {path} fails to read or write ({cause}).")
    return None


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise the clear error for whatever database failure happens inside."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        if clear := explain(error, path):
            raise clear from error
        raise
