"""Where this service keeps what it needs to find its sandboxes again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sandbox.errors import UnavailableError


def runtime_folder(name: str) -> Path:
    """Return a private folder for sockets and state, the same for every process of this person.

    Args:
        name: Of the part that uses it.

    Raises:
        UnavailableError: Somebody else made it.
    """
    given = os.environ.get("LRA_SANDBOX_RUN")
    if given:
        base = Path(given)
    elif run := os.environ.get("XDG_RUNTIME_DIR"):
        base = Path(run) / "lra-sandbox"
    else:
        base = Path(tempfile.gettempdir()) / f"lra-sandbox-{os.getuid()}"
    for folder in (base, base / name):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if found.st_uid != os.getuid() or folder.is_symlink() or found.st_mode & 0o077:
            raise UnavailableError(f"{folder} is not private: remove it, or set LRA_SANDBOX_RUN to another folder.")
    return base / name
