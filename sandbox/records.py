"""What is written down of every sandbox, so that it is found again when its owner has ended."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.paths import runtime_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One sandbox."""

    id: str
    provider: str
    spec: dict[str, Any]
    state: dict[str, Any]
    created: float
    owner: int
    """Process that renews its lease."""
    owner_started: str
    lasting: bool
    """Whether a later owner may take it over."""
    pooled: bool = False
    """Whether nobody has claimed it yet."""
    key_hash: str = ""
    """Of the key that opens this sandbox alone."""

    @property
    def owned(self) -> bool:
        """Whether its owner still runs."""
        return started(self.owner) == self.owner_started != ""


def started(pid: int) -> str:
    """Return when a process started, empty when there is none.

    Args:
        pid: The process.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return _alive(pid)
    return "" if fields[0] in {b"Z", b"X"} else fields[19].decode()


def _alive(pid: int) -> str:
    """Say the same for systems without /proc, where all that is known is whether it lives."""
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "alive"


def write(record: Record) -> None:
    """Write one down, in place of what was known of it.

    Args:
        record: The sandbox.
    """
    path = _path(record.id)
    fresh = path.with_suffix(".new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(fd, "w") as file:
        json.dump(asdict(record), file)
    os.replace(fresh, path)


def read(sandbox_id: str) -> Record | None:
    """Return what is written down of one, or None.

    Args:
        sandbox_id: Which.
    """
    if not sandbox_id.replace("_", "").isalnum():
        return None  # no name that a sandbox has
    try:
        return Record(**json.loads(_path(sandbox_id).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def claim(sandbox_id: str, owner: int, owner_started: str) -> Record | None:
    """Become the owner of one whose owner has died; None when it lives, or when somebody else was quicker.

    Args:
        sandbox_id: Which.
        owner: The process that takes it over.
        owner_started: When that process started.
    """
    lock = os.open(runtime_folder("records"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(lock)
        record = read(sandbox_id)
        if record is None or record.owned:
            return None
        mine = replace(record, owner=owner, owner_started=owner_started)
        write(mine)
        return mine
    finally:
        os.close(lock)


def _lock(fd: int) -> None:
    """Wait until nobody else claims one; a system without such locks has none of the containers either."""
    try:
        import fcntl
    except ImportError:
        return
    fcntl.flock(fd, fcntl.LOCK_EX)


def remove(sandbox_id: str) -> None:
    """Forget one.

    Args:
        sandbox_id: Which.
    """
    _path(sandbox_id).unlink(missing_ok=True)


def everything() -> Iterator[Record]:
    """Yield what is written down; what cannot be read is left out."""
    for path in sorted(runtime_folder("records").glob("*.json")):
        try:
            yield Record(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            continue


def _path(sandbox_id: str) -> Path:
    return runtime_folder("records") / f"{sandbox_id}.json"
