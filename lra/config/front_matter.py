"""Markdown files that begin with a few lines of YAML between `---` lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lra.errors import ConfigError
from lra.text import one_line

MOST_BYTES = 64_000
"""A larger file is none that a person wrote for a model."""
_MARK = "---"


def read_front_matter(path: Path) -> tuple[dict[str, Any], str]:
    """Return the fields and the text below them; a file without fields has none. Blocks: it reads a file.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, is too large, or its fields are no YAML; the sentence names the line.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path} is larger than {MOST_BYTES:,} bytes and was left out.")
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is no text in UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _MARK:
        return {}, text.strip()
    end = next((at for at, line in enumerate(lines[1:], 1) if line.rstrip() == _MARK), None)
    if end is None:
        raise ConfigError(f"{path}, line 1: the fields have no end.", hint="Close them with a line of ---.")
    return _fields(path, "\n".join(lines[1:end])), "\n".join(lines[end + 1 :]).strip()


def _fields(path: Path, source: str) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(source)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 2}" if mark is not None else ""
        what = getattr(error, "problem", None) or "it is no YAML"
        raise ConfigError(f"{path}{where}: {one_line(str(what), 200)}.") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {one_line(str(error), 200)}.") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path}, line 2: the fields are no list of `name: value`.")
    return {str(key): value for key, value in found.items()}
