"""File operations inside the workspace. Every step of a path is opened by itself, and no symbolic link is followed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import Any

from .protocol import CHUNK, Message

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_MOST_ENTRIES = 5_000
_DEEPEST = 64
Answer = tuple[Message, bytes | None]


class FileError(Exception):
    """One sentence, and the kind of problem it is.

    Args:
        kind: not-found, denied, conflict, invalid or limit.
        message: The sentence.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


class Workspace:
    """The one folder that files are read from and written to.

    Args:
        root: The folder.
    """

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/") or "/"
        self._fd = os.open(self.root, _FOLDER)

    def handle(self, op: str, message: Message, blob: bytes | None) -> Answer:
        """Do one operation.

        Args:
            op: What to do.
            message: Its arguments.
            blob: What to write.

        Raises:
            FileError: It cannot be done.
        """
        parts = self._parts(message.get("path"))
        try:
            if op == "read":
                return self._read(parts, _count(message, "offset"), min(_count(message, "length", CHUNK), 4 * CHUNK))
            if op == "write":
                return self._write(parts, _count(message, "offset"), blob or b"")
            if op == "list":
                return self._list(parts, bool(message.get("recursive"))), None
            if op == "stat":
                return {"entry": self._stat(parts)}, None
            if op == "mkdir":
                os.close(self._folder(parts, make=True))
                return {}, None
            if op == "move":
                return self._move(parts, self._parts(message.get("to")))
            if op == "remove":
                return self._remove(parts, bool(message.get("recursive")))
        except OSError as error:
            raise _explain(error, "/".join(parts) or ".") from None
        raise FileError("invalid", f"There is no file operation {op}.")

    def create(self, path: str) -> int:
        """Open a new file for writing, in place of what was there.

        Args:
            path: Where, relative to the workspace.
        """
        parts = self._parts(path)
        folder = self._folder(parts[:-1], make=True)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=folder)
            return os.open(parts[-1], os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o644, dir_fd=folder)
        finally:
            os.close(folder)

    def _parts(self, path: object) -> list[str]:
        if not isinstance(path, str) or "\0" in path:
            raise FileError("invalid", "A path is a text without NUL.")
        try:
            os.fsencode(path)
        except UnicodeError:
            raise FileError("invalid", "A path is a text that can be encoded.") from None
        if path.startswith("/"):
            if path != self.root and not path.startswith(self.root + "/"):
                raise FileError("denied", f"{path} is outside the workspace ({self.root}).")
            path = path[len(self.root) :]
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise FileError("denied", f"{path} leaves the workspace: '..' is not taken in a path.")
        if len(parts) > _DEEPEST:
            raise FileError("invalid", f"A path has at most {_DEEPEST} steps.")
        return parts

    def _folder(self, parts: list[str], *, make: bool = False) -> int:
        at = os.dup(self._fd)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=at)
                below = os.open(part, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
        except BaseException:
            os.close(at)
            raise
        return at

    def _open(self, parts: list[str], flags: int, *, make: bool = False) -> int:
        if not parts:
            raise FileError("invalid", "The workspace itself is a folder.")
        folder = self._folder(parts[:-1], make=make)
        try:
            fd = os.open(parts[-1], flags | _FILE, 0o644, dir_fd=folder)
        finally:
            os.close(folder)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileError("invalid", f"{'/'.join(parts)} is not a file.")
        return fd

    def _read(self, parts: list[str], offset: int, length: int) -> Answer:
        fd = self._open(parts, os.O_RDONLY)
        try:
            data = os.pread(fd, length, offset)
            size = os.fstat(fd).st_size
        finally:
            os.close(fd)
        return {"size": size, "eof": offset + len(data) >= size or not data}, data

    def _write(self, parts: list[str], offset: int, data: bytes) -> Answer:
        fd = self._open(parts, os.O_WRONLY | os.O_CREAT, make=True)
        try:
            if not offset:
                os.ftruncate(fd, 0)
            view = memoryview(data)
            while view:
                written = os.pwrite(fd, view, offset)
                offset += written
                view = view[written:]
        finally:
            os.close(fd)
        return {"size": offset}, None

    def _list(self, parts: list[str], recursive: bool) -> Message:
        entries: list[dict[str, Any]] = []
        waiting = [parts]
        while waiting and len(entries) < _MOST_ENTRIES:
            here = waiting.pop()
            folder = self._folder(here)
            try:
                with os.scandir(folder) as found:
                    for each in found:
                        if len(entries) >= _MOST_ENTRIES:
                            break
                        entry = _entry("/".join([*here, each.name]), each.stat(follow_symlinks=False))
                        entries.append(entry)
                        if recursive and entry["type"] == "folder" and len(here) < _DEEPEST - 1:
                            waiting.append([*here, each.name])
            finally:
                os.close(folder)
        entries.sort(key=lambda entry: str(entry["path"]))
        return {"entries": entries, "complete": not waiting and len(entries) < _MOST_ENTRIES}

    def _stat(self, parts: list[str]) -> dict[str, Any]:
        if not parts:
            return _entry(".", os.fstat(self._fd))
        folder = self._folder(parts[:-1])
        try:
            return _entry("/".join(parts), os.stat(parts[-1], dir_fd=folder, follow_symlinks=False))
        finally:
            os.close(folder)

    def _move(self, parts: list[str], to: list[str]) -> Answer:
        if not parts or not to:
            raise FileError("invalid", "The workspace itself stays where it is.")
        source = self._folder(parts[:-1])
        try:
            target = self._folder(to[:-1], make=True)
            try:
                os.rename(parts[-1], to[-1], src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.close(target)
        finally:
            os.close(source)
        return {}, None

    def _remove(self, parts: list[str], recursive: bool) -> Answer:
        if not parts:
            raise FileError("invalid", "The workspace itself stays.")
        folder = self._folder(parts[:-1])
        try:
            kind = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode
            if not stat.S_ISDIR(kind):
                os.unlink(parts[-1], dir_fd=folder)
            elif recursive:
                shutil.rmtree(parts[-1], dir_fd=folder)
            else:
                os.rmdir(parts[-1], dir_fd=folder)
        finally:
            os.close(folder)
        return {}, None


def _count(message: Message, name: str, default: int = 0) -> int:
    value = message.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**62:
        raise FileError("invalid", f"{name} is a number from 0.")
    return value


def _entry(path: str, found: os.stat_result) -> dict[str, Any]:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return {
        "path": path.encode("utf-8", "replace").decode("utf-8"),
        "type": kinds.get(stat.S_IFMT(found.st_mode), "other"),
        "size": found.st_size,
        "mode": stat.S_IMODE(found.st_mode),
        "modified": round(found.st_mtime, 3),
    }


def _explain(error: OSError, path: str) -> FileError:
    import errno

    known = {
        errno.ENOENT: ("not-found", f"There is no {path}."),
        errno.ELOOP: ("denied", f"{path} is reached through a symbolic link, which is not followed."),
        errno.ENOTDIR: ("invalid", f"A step of {path} is not a folder, or is a symbolic link, which is not followed."),
        errno.EISDIR: ("invalid", f"{path} is a folder."),
        errno.ENXIO: ("invalid", f"{path} is not a file."),
        errno.ENOTEMPTY: ("conflict", f"{path} is not empty."),
        errno.ENOSPC: ("limit", "The workspace is full."),
        errno.EDQUOT: ("limit", "The workspace is full."),
        errno.ENAMETOOLONG: ("invalid", "A name in the path is too long."),
        errno.EACCES: ("denied", f"{path} may not be used."),
        errno.EPERM: ("denied", f"{path} may not be used."),
    }
    kind, message = known.get(error.errno or 0, ("failed", f"{path}: {error.strerror}."))
    return FileError(kind, message)
