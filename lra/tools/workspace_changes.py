"""What became of a person's files in the sandbox: shown as one patch, written back step by step."""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lra.text import file_size

_LONGEST = 400_000
"""Bytes of a file whose changes are shown line by line."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is not any more what it was; `before` or `after` is None where there is none."""

    path: str
    before: bytes | None
    after: bytes | None
    executable: bool = False

    @property
    def kind(self) -> str:
        """One word for it."""
        return "new" if self.before is None else "deleted" if self.after is None else "changed"

    def line(self) -> str:
        """Return it as one line of a list."""
        if self.after is None:
            return f"{self.path} (deleted)"
        run = ", can be run" if self.executable and self.before is None else ""
        return f"{self.path} ({self.kind}, {file_size(len(self.after))}{run})"


def digest(data: bytes) -> str:
    """Return what tells contents apart.

    Args:
        data: The contents.
    """
    return hashlib.sha256(data).hexdigest()


def patch(changes: Sequence[Change]) -> str:
    """Return all changes as one unified patch; what is no text, or too long, is named. Blocks for long files.

    Args:
        changes: What changed.
    """
    return "".join(_patch_of(change) for change in changes)


def _patch_of(change: Change) -> str:
    old = "/dev/null" if change.before is None else f"a/{change.path}"
    new = "/dev/null" if change.after is None else f"b/{change.path}"
    before, after = _lines(change.before), _lines(change.after)
    if before is None or after is None:
        return f"Binary or long file: {change.line()}\n"
    if not before and not after:
        return f"Empty file: {change.line()}\n"
    text = ""
    for line in difflib.unified_diff(before, after, old, new):
        text += line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
    return text


def _lines(data: bytes | None) -> list[str] | None:
    if data is None:
        return []
    if len(data) > _LONGEST or b"\0" in data:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


class Root:
    """A folder of the person's that is written to without following a link.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes | None:
        """Return what a file holds, or None when there is none that can be reached. Blocks.

        Args:
            path: Relative to the folder.
        """
        try:
            folder, name = self._enter(path, make=False)
        except OSError:
            return None
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with open(fd, "rb") as file:
                return file.read() if stat.S_ISREG(os.fstat(fd).st_mode) else None
        except OSError:
            return None
        finally:
            os.close(folder)

    def apply(self, change: Change) -> str | None:
        """Make a change, if the file is still what was shown; return why it was not made. Blocks.

        Args:
            change: The change.
        """
        if self.read(change.path) != change.before:
            return "it is not what it was when this was shown"
        try:
            folder, name = self._enter(change.path, make=change.after is not None)
        except OSError as error:
            return f"its folder cannot be used ({error.strerror})"
        try:
            if change.after is None:
                os.unlink(name, dir_fd=folder)
            else:
                self._replace(folder, name, change)
        except OSError as error:
            return (error.strerror or "it cannot be written").lower()
        finally:
            os.close(folder)
        if change.after is None:
            self._clear_up(change.path)
        return None

    def _replace(self, folder: int, name: str, change: Change) -> None:
        assert change.after is not None
        if change.before is None:
            # Nothing that has come there meanwhile is replaced.
            # As open to others as the folder is, whatever this process allows for its own files.
            open_to = os.fstat(folder).st_mode & (0o777 if change.executable else 0o666)
            self._write(folder, name, change.after, open_to | 0o600)
            return
        mode = stat.S_IMODE(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
        fresh = f".{secrets.token_hex(6)}.lra"
        self._write(folder, fresh, change.after, mode | (0o100 if change.executable else 0))
        try:
            os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(fresh, dir_fd=folder)
            raise

    def _write(self, folder: int, name: str, data: bytes, mode: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=folder)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(fd, mode)
                os.fsync(fd)
        except BaseException:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
            raise

    def _enter(self, path: str, *, make: bool) -> tuple[int, str]:
        """Open the folder that a path ends in, one step after the other."""
        *steps, name = path.split("/")
        if any(step in {"", ".", ".."} for step in (*steps, name)):
            raise PermissionError(errno.EPERM, "it is not within the folder")
        at = os.open(self._folder, _FOLDER)
        try:
            for step in steps:
                made = False
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, 0o700, dir_fd=at)
                        made = True
                below = os.open(step, _FOLDER, dir_fd=at)
                if made:
                    os.fchmod(below, os.fstat(at).st_mode & 0o777)
                os.close(at)
                at = below
        except BaseException:
            os.close(at)
            raise
        return at, name

    def _clear_up(self, path: str) -> None:
        """Remove the folders that a deletion left empty."""
        steps = path.split("/")[:-1]
        while steps:
            try:
                folder, name = self._enter("/".join(steps), make=False)
            except OSError:
                return
            try:
                os.rmdir(name, dir_fd=folder)
            except OSError:
                return
            finally:
                os.close(folder)
            steps.pop()
