"""Backups of the database: consistent copies made while it is used, where they are, and how long they stay.

They lie beside the database as `NAME.backup-WHY-SECONDS`; one that a person puts elsewhere is noted in
`NAME.backups`, so that what is forgotten can be forgotten there too. Everything here blocks.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lra.errors import LraError, StoreError, UsageError
from lra.store.clock import iso, now_us
from lra.store.failures import translated
from lra.store.room import FULL, full_disk, is_full
from lra.text import clean_text

KEPT = 5
"""Backups made without being asked for that stay; of those a person made, all do."""
BY_HAND, BEFORE_RESTORE, DAMAGED = "manual", "restore", "damaged"
_COUNTED = {"sessions": "sessions", "messages": "journal", "memories": "memories", "tasks": "tasks"}
_NO_BACKUP = "No backup was made; free some space on it, or name a file on another disk."
_ASIDE = ("-wal", "-shm", "-journal", ".partial", ".lock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup as it lies there."""

    path: Path
    why: str
    """`manual`, `restore` (made before one), `damaged` (found so and moved away), or the schema that was migrated."""
    made_at: int
    size: int

    @property
    def reason(self) -> str:
        """Why it was made, for a person."""
        reasons = {BY_HAND: "asked for", BEFORE_RESTORE: "before a restore", DAMAGED: "damaged, moved away"}
        return reasons.get(self.why, "before an upgrade")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"path": str(self.path), "made_at": iso(self.made_at), "reason": self.reason, "size": self.size}


def backups(path: Path) -> list[Path]:
    """Return every backup of a database that can be found, those elsewhere included, oldest first."""
    return [backup.path for backup in described(path)]


def described(path: Path) -> list[Backup]:
    """Return every backup of a database with what is known of it, oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.backup-(.+)-(\d+)")
    found = {}
    with suppress(OSError):
        for file in path.parent.iterdir():
            if (match := pattern.match(file.name)) and not file.name.endswith(_ASIDE):
                found[file.absolute()] = (match[1], int(match[2]) * 1_000_000)
    for file in _noted(path):
        found.setdefault(file, (BY_HAND, 0))
    return sorted(_existing(found), key=lambda backup: (backup.made_at, backup.path))


def _existing(found: dict[Path, tuple[str, int]]) -> Iterator[Backup]:
    for file, (why, at) in found.items():
        # One on a disk that is not there now may come back.
        with suppress(OSError):
            state = file.stat()
            yield Backup(path=file, why=why, made_at=at or state.st_mtime_ns // 1000, size=state.st_size)


def name_for(path: Path, why: str) -> Path:
    """Return a free name for a backup beside the database, later than those that are there."""
    taken = [backup.made_at // 1_000_000 for backup in described(path) if backup.path.parent == path.absolute().parent]
    return path.with_name(f"{path.name}.backup-{why}-{max(now_us() // 1_000_000, max(taken, default=0) + 1)}")


def make(path: Path, target: Path | None = None, *, why: str = BY_HAND) -> tuple[Backup, dict[str, int]]:
    """Copy a database as it stands at one moment, also while others write, and check the copy.

    Args:
        path: The database.
        target: Where to; beside the database by default. A file that is there is replaced when the copy is complete.
        why: What for.

    Returns:
        The backup and what it holds.

    Raises:
        LraError: The database or the target cannot be used, or the copy is not sound; no half of one is left.
    """
    target = (target or name_for(path, why)).absolute()
    if not path.is_file():
        raise StoreError(f"There is no database at {path} yet.", hint="Nothing was written.")
    # A name in /dev may lead to a file, but is none that could be replaced.
    file = target.is_file() and not str(target).startswith(("/dev/", "/proc/"))
    if target.exists() and (not file or target.samefile(path)):
        raise UsageError(f"{target} cannot be written: it is {'the database itself' if file else 'no file'}.")
    with translated(path), closing(connect(path)) as connection:
        return copy_of(connection, path, target, why=why)


def copy_of(connection: sqlite3.Connection, path: Path, target: Path, *, why: str) -> tuple[Backup, dict[str, int]]:
    """Make a backup through a connection that is open already."""
    if clean_text(str(target)) != str(target):
        raise UsageError(
            f"No backup can be written to {clean_text(str(target))}: its name is no UTF-8.", hint="Name another file."
        )
    before = counts(connection)
    with _complete(target) as partial:
        connection.execute("VACUUM INTO ?", (str(partial),))
        after = counts(connection)
        held = _checked(partial, target)
    # What others wrote meanwhile may be in the copy or not.
    if before == after and held != before:
        target.unlink(missing_ok=True)
        raise StoreError(
            f"The backup {target} did not hold what the database holds.", hint="Nothing was kept; try again."
        )
    if target.parent != path.absolute().parent or not target.name.startswith(f"{path.name}.backup-"):
        _note(path, target)
    if why != BY_HAND:
        prune(path)
    return Backup(path=target, why=why, made_at=now_us(), size=target.stat().st_size), held


def prune(path: Path) -> None:
    """Remove the oldest of the backups nobody asked for, beyond those that stay."""
    own = [
        backup for backup in described(path) if backup.why != BY_HAND and backup.path.parent == path.absolute().parent
    ]
    for backup in own[:-KEPT]:
        with suppress(OSError):
            backup.path.unlink()


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how much a database holds, by what a person calls it."""
    return {
        name: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for name, table in _COUNTED.items()
    }


def connect(path: Path, *, mode: str = "rw", timeout: float = 10.0) -> sqlite3.Connection:
    """Open a database file that exists, without a transaction of the driver's."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=timeout)


@contextmanager
def _complete(target: Path) -> Iterator[Path]:
    """Give a private file that takes the target's place once it is whole and on disk."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            yield partial
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(partial, target)
            _flush_folder(target.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in FULL:
            raise full_disk(target, _NO_BACKUP) from error
        raise StoreError(f"{target} cannot be written: {error.strerror}.", hint="No backup was made.") from error
    except sqlite3.Error as error:
        if "full" in str(error).lower() or is_full(target):
            raise full_disk(target, _NO_BACKUP) from error
        if "full" in str(error).lower() or "i/o" in str(error).lower():
            raise StoreError(f"{target} cannot be written: {error}.", hint="No backup was made.") from error
        raise


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _checked(copy: Path, target: Path) -> dict[str, int]:
    with closing(connect(copy)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreError(
                f"The backup {target} is not sound ({verdict}).", hint="It was not kept; try another disk."
            )
        return counts(connection)


def _noted(path: Path) -> list[Path]:
    try:
        noted = json.loads(path.with_name(f"{path.name}.backups").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [Path(name) for name in noted if isinstance(name, str)] if isinstance(noted, list) else []


def _note(path: Path, target: Path) -> None:
    """Remember a backup that lies elsewhere; without the note it would be missed when something is forgotten."""
    noted = path.with_name(f"{path.name}.backups")
    names = [str(file) for file in dict.fromkeys([*_noted(path), target])]
    fresh = noted.with_name(f".{noted.name}.{os.getpid()}")
    try:
        with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(names, ensure_ascii=False, indent=1) + "\n")
        os.replace(fresh, noted)
    except OSError as error:
        raise LraError(f"{target} was written, but {noted} cannot be: {error.strerror}.") from error
