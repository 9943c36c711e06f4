"""Reading one `.env` file, whoever wrote it."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from lra.config.settings import Source, Value
from lra.errors import ConfigError

MAX_BYTES = 256 * 1024


def read_dotenv(path: Path, kind: str) -> Mapping[str, Value]:
    """Parse a `.env` file without running or expanding anything in it.

    Args:
        path: The file; a missing one reads as empty.
        kind: `dotenv` for the working directory's, `user dotenv` for the person's own.

    Returns:
        Variable names to values with their line numbers.

    Raises:
        ConfigError: The file is not a regular text file, is too large, or has a line that is no assignment.
    """
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(info.st_mode):
        # A FIFO or a device would block or never end.
        raise ConfigError(f"{path} is not a regular file.", hint="Replace it with a text file or remove it.")
    if info.st_size > MAX_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_BYTES // 1024} kB.", hint="A .env holds NAME=value lines only.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    if not text.strip():
        return {}

    import io

    from dotenv.parser import parse_stream

    values: dict[str, Value] = {}
    for binding in parse_stream(io.StringIO(text)):
        # A binding's text starts with the blank lines before it.
        blank = binding.original.string[: len(binding.original.string) - len(binding.original.string.lstrip())]
        line = binding.original.line + blank.count("\n")
        if binding.error:
            raise ConfigError(f"{path}:{line} is not of the form NAME=value.")
        if binding.key is None or binding.value is None:
            continue
        if "\0" in binding.value:
            raise ConfigError(f"{path}:{line} has a NUL character in {binding.key}.")
        values[binding.key] = Value(binding.value, Source(kind, path, line))  # type: ignore[arg-type]
    return values
