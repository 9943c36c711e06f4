"""Putting a backup in the place of the database: as a whole or not at all. Everything here blocks."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lra.errors import BusyError, ConfigError, StoreError, UsageError
from lra.store.backups import BEFORE_RESTORE, DAMAGED, connect, copy_of, counts, name_for
from lra.store.failures import translated
from lra.store.migrate import HEAD, KNOWN

_MAGIC = b"SQLite format 3\0"
_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    held: dict[str, int]
    """What the database holds now."""
    kept: Path | None
    """Where what was there before is; None when there was nothing."""


def inspect(source: Path) -> dict[str, int]:
    """Return what a backup holds.

    Raises:
        LraError: It is no sound database of lra that this version can read.
    """
    try:
        with source.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from error
    if magic != _MAGIC:
        hint = "`lra memory import` reads what export wrote." if magic[:1] in (b"{", b"[") else "Nothing was changed."
        raise UsageError(f"{source} is no backup of lra.", hint=hint)
    try:
        with closing(connect(source, mode="ro")) as connection:
            return _held(connection, source)
    except sqlite3.DatabaseError as error:
        raise StoreError(f"The backup {source} is damaged ({error}).", hint="Nothing was changed.") from error


def _held(connection: sqlite3.Connection, source: Path) -> dict[str, int]:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = (
        connection.execute("SELECT version_num FROM alembic_version").fetchone() if "alembic_version" in names else None
    )
    if found is None:
        raise UsageError(f"{source} is a database of another program.", hint="Nothing was changed.")
    if found[0] not in KNOWN:
        raise ConfigError(
            f"{source} was written by a newer version of lra (schema {found[0]}, this one knows {HEAD}).",
            hint="Upgrade lra; nothing was changed.",
        )
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreError(f"The backup {source} is damaged ({verdict}).", hint="Nothing was changed.")
    return counts(connection)


def restore(path: Path, source: Path) -> Restored:
    """Replace the database's content by a backup's; what was there is kept as a backup first.

    The content is exchanged in one transaction, so that whatever interrupts it leaves one or the other.

    Args:
        path: The database.
        source: The backup.

    Raises:
        BusyError: Another process has the database open.
        LraError: The backup cannot be used, or the disk fails; the database is as it was.
    """
    inspect(source)
    if path.exists() and source.samefile(path):
        raise UsageError(f"{source} is the database itself.", hint="Nothing was changed.")
    with translated(path):
        return _exchange(path, source)


def _exchange(path: Path, source: Path) -> Restored:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists() or path.stat().st_size == 0:
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
        with _alone(path) as connection:
            return Restored(_fill(connection, source), None)
    try:
        with _alone(path) as connection:
            kept = name_for(path, BEFORE_RESTORE)
            copy_of(connection, path, kept, why=BEFORE_RESTORE)
            return Restored(_fill(connection, source), kept)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        # What is there is no database any more: it is moved away as it is.
        kept = _aside(path)
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o600))
        with _alone(path) as connection:
            return Restored(_fill(connection, source), kept)


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for nobody else.

    Leaving the write-ahead log takes a lock that no other connection lets go while it is open, idle or not.
    """
    with closing(connect(path, timeout=_WAIT)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise
            raise BusyError(
                f"Another process has the database {path} open.", hint="Close every lra and try again."
            ) from error
        try:
            yield connection
        finally:
            with suppress(sqlite3.Error):
                connection.execute("PRAGMA locking_mode = NORMAL")
                # Only the next access takes the new mode, and removes the journal with what was there before.
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                connection.execute("PRAGMA journal_mode = WAL")


def _fill(connection: sqlite3.Connection, source: Path) -> dict[str, int]:
    with closing(connect(source, mode="ro")) as backup:
        # All pages in one step: a transaction that is there as a whole or not.
        backup.backup(connection)
    return counts(connection)


def _aside(path: Path) -> Path:
    kept = name_for(path, DAMAGED)
    with suppress(FileNotFoundError):
        shutil.move(path.with_name(f"{path.name}-wal"), kept.with_name(f"{kept.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    os.replace(path, kept)
    return kept
