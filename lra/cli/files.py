"""Files the command line writes: private from their first byte, and never half written."""

from __future__ import annotations

import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from lra.errors import LraError


@contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """Give a text file of mode 0600 that takes the place of `path` once it is complete.

    A link is followed. A device or pipe is written to directly, and so is `/dev/stdout` wherever it leads.

    Raises:
        LraError: The file cannot be written.
    """
    target = Path(path)
    try:
        if is_stream(target):
            # Behind what is there: a redirection may have put something before it.
            with target.open("a", encoding="utf-8", errors="replace") as direct:
                yield direct
            return
        if target.is_dir():
            raise LraError(f"{target} is a folder.", hint="Name a file.")
        real = Path(os.path.realpath(target))
        handle, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, real)
        except BaseException:
            with suppress(OSError):
                os.unlink(name)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        from lra.store.room import unwritten

        raise unwritten(target, error) from error


def is_stream(target: Path) -> bool:
    """Tell whether a place is written to as it is, and can have nothing put in its place."""
    if target.is_dir() or not target.exists():
        return False
    return not stat.S_ISREG(target.stat().st_mode) or str(target.absolute()).startswith(("/dev/", "/proc/"))


@contextmanager
def rereadable(path: str) -> Iterator[tuple[Path, str]]:
    """Give a file that can be read more than once, and the name to call it by; `-` is standard input.

    What comes through a pipe is kept in a private file meanwhile.
    """
    source = Path(path)
    if path != "-" and not (source.is_fifo() or source.is_socket() or source.is_char_device()):
        yield source, path
        return
    with tempfile.TemporaryDirectory(prefix="lra-") as folder:
        kept = Path(folder) / "input"
        try:
            with kept.open("wb") as file, _pipe(path) as pipe:
                shutil.copyfileobj(pipe, file)
        except OSError as error:
            raise LraError(f"{path} cannot be read: {error.strerror}.") from error
        yield kept, "standard input" if path == "-" else path


def _pipe(path: str) -> AbstractContextManager[BinaryIO]:
    if path != "-":
        return Path(path).open("rb")
    return nullcontext(sys.stdin.buffer if sys.stdin else io.BytesIO())


def read_text(path: str) -> str:
    """Return a text file's content; `-` is standard input. Bytes that are no UTF-8 stay as surrogate escapes.

    Raises:
        LraError: The file cannot be read.
    """
    from lra.cli.stdin import read_all

    if path == "-":
        return read_all()
    try:
        return Path(path).read_bytes().decode("utf-8-sig", "surrogateescape")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise LraError(f"{path} cannot be read: {reason}.") from error
