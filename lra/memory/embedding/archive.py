"""Unpacking a model's archive without trusting it."""

from __future__ import annotations

import gzip
import os
import posixpath
import tarfile
import zlib
from pathlib import Path
from typing import IO

from lra.errors import UnavailableError
from lra.memory.embedding.files import FILES

MAX_UNPACKED = 256 * 1024 * 1024
"""Bytes after decompression, everything included."""
MAX_MEMBERS = 64
CHUNK = 1024 * 1024


class _Unsafe(Exception):
    """Why the archive is refused, as the end of a sentence."""


class _Capped:
    """A stream that breaks off where a decompression bomb would go on."""

    def __init__(self, stream: gzip.GzipFile) -> None:
        self._stream = stream
        self._left = MAX_UNPACKED

    def read(self, size: int = CHUNK) -> bytes:
        data = self._stream.read(min(size, CHUNK))
        self._left -= len(data)
        if self._left < 0:
            raise _Unsafe(f"it unpacks to more than {MAX_UNPACKED // 1024**2} MB")
        return data


def extract_model(archive: Path, folder: Path) -> None:
    """Take the model's files out of a `.tar.gz`, and nothing else.

    Only regular files with the expected names, at the top or in a folder `onnx`, are written, flat into `folder`
    and private to the user. Other names are passed over; links, devices and paths that lead out are refused.

    Args:
        archive: The `.tar.gz`.
        folder: An existing folder; files of the same names are replaced.

    Raises:
        UnavailableError: The archive is damaged, unsafe or lacks a file.
        OSError: A file cannot be written.
    """
    found: set[str] = set()
    try:
        with gzip.open(archive) as unzipped, tarfile.open(fileobj=_Capped(unzipped), mode="r|") as tar:  # type: ignore[call-overload]
            for count, member in enumerate(tar):
                if count >= MAX_MEMBERS:
                    raise _Unsafe(f"it has more than {MAX_MEMBERS} entries")
                name = _wanted(member)
                if name in found:
                    raise _Unsafe(f"{name} is in it twice")
                if name and (content := tar.extractfile(member)):
                    _write(content, folder / name)
                    found.add(name)
        if missing := [name for name in FILES if name not in found]:
            raise _Unsafe(f"it lacks {', '.join(missing)}")
    except (_Unsafe, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, UnicodeError) as error:
        raise UnavailableError(
            f"The fetched archive {archive.name} cannot be used: {error}.",
            hint="Check LRA_EMBEDDING_URL.",
        ) from error


def _wanted(member: tarfile.TarInfo) -> str | None:
    path = member.name.replace("\\", "/")
    if path.startswith("/") or ".." in path.split("/") or ":" in path:
        raise _Unsafe(f"its entry {member.name!r} leads out of the folder")
    # A sparse file counts as regular in tarfile, and can unpack to any size from a few bytes.
    plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE}
    if not plain and not member.isdir():
        raise _Unsafe(f"its entry {member.name!r} is not a regular file")
    folder, name = posixpath.split(posixpath.normpath(path))
    return name if plain and folder in {"", "onnx"} and name in FILES else None


def _write(content: IO[bytes], path: Path) -> None:
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while data := content.read(CHUNK):
            file.write(data)
        file.flush()
        # A file that is there after a power cut must also be whole.
        os.fsync(file.fileno())
