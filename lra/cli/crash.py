"""What happens to an exception nobody expected: a private file for whoever mends it, a sentence for the person."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from lra import __version__
from lra.text import clean_text, one_line


def report(error: BaseException) -> str:
    """Write the traceback to a private file and return the sentence to print."""
    what = one_line(f"{type(error).__name__}: {error}", 200)
    path = save("".join(traceback.format_exception(error)))
    where = f" The details are in {path}." if path else ""
    return f"This is a defect in lra: {what}.{where}"


def save(details: str) -> Path | None:
    """Keep a traceback under the data folder, else under the temporary one; returns where."""
    text = clean_text(f"lra {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n\n{details}")
    name = f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}-{time.time_ns() % 1_000_000:06d}.txt"
    for home in _homes():
        try:
            folder = home / "crash"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except (OSError, ValueError):
            continue
        return folder / name
    return None


def _homes() -> list[Path]:
    from lra.config.sources import default_home

    homes = []
    try:
        from lra.config import load_settings

        homes.append(load_settings().home)
    except Exception:
        # The settings may be what failed.
        homes.append(Path(os.environ.get("LRA_HOME") or default_home()))
    # Not every system has numbers for people; there the temporary folder is one's own.
    person = os.getuid() if hasattr(os, "getuid") else "crash"
    return [*homes, Path(tempfile.gettempdir()) / f"lra-{person}"]
