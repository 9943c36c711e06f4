"""Opening what a person wants to import: bytes and lines of a file, with clear sentences when that fails."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lra.errors import UsageError
from lra.memory.exchange.items import MAX_ITEM, Meter

CHUNK = 256 * 1024


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raise one sentence for whatever keeps a file from being read.

    Raises:
        UsageError: The file is missing, may not be read, is a damaged archive, or the like.
    """
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "encrypted" not in str(error) and "password" not in str(error):
            raise
        reason = "it is encrypted" if isinstance(error, RuntimeError) else "the archive is damaged"
        raise UsageError(f"{path} cannot be read: {reason}.") from error
    except Exception as error:
        # What zlib raises for a damaged member has no public name of its own.
        if type(error).__module__ != "zlib":
            raise
        raise UsageError(f"{path} cannot be read: the archive is damaged.") from error


def chunks(path: Path, meter: Meter) -> Iterator[bytes]:
    """Give a file's bytes, without the mark that Windows puts in front."""
    with readable(path), path.open("rb") as file:
        first = True
        while chunk := file.read(CHUNK):
            meter.add(len(chunk))
            yield chunk.removeprefix(b"\xef\xbb\xbf") if first else chunk
            first = False


def member_chunks(path: Path, member: str, meter: Meter) -> Iterator[bytes]:
    """Give the bytes of one file of an archive."""
    with readable(path), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        while chunk := file.read(CHUNK):
            meter.add(len(chunk))
            yield chunk


def lines(path: Path, meter: Meter) -> Iterator[tuple[int, bytes | None]]:
    """Give numbered lines; None stands for one that is too long to be read at once."""
    with readable(path), path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_ITEM):
            number += 1
            meter.add(len(raw))
            whole = len(raw) < MAX_ITEM or raw.endswith(b"\n")
            while not whole and (rest := file.readline(MAX_ITEM)):
                meter.add(len(rest))
                whole = rest.endswith(b"\n")
                raw = b""
            yield number, (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw) if raw else None
