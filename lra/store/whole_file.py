"""Private files, and one written anew as a whole; standard library only: a front may import it before its prompt."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file anew as a whole, private as it was made."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def create_private(path: Path) -> None:
    """Make an empty file that is its owner's alone where there is none; SQLite gives its -wal and -shm the same mode.

    One that is there is not opened: closing it would take away the locks that SQLite holds on it in this process.

    Raises:
        OSError: It cannot be made, or what is there cannot be read.
    """
    real = os.path.realpath(path)
    try:
        os.close(os.open(real, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0o600))
    except FileExistsError:
        if os.path.isdir(real):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), real) from None
        if not os.access(real, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), real) from None
