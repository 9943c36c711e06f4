"""Reading a file or a folder so that it can go along with a message."""

from __future__ import annotations

import itertools
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from lra.chat.table import counted
from lra.session.attachments import Attachment
from lra.text import clean_text, file_size

TEXT_CHARS = 100_000
"""Characters of a text file that go along at most."""
BINARY_BYTES = 20_000_000
"""Bytes of an image or document that go along at most; providers take no more."""
ENTRIES = 200
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"%PDF-": "application/pdf",
}
_FILE = re.compile(
    r"(?:\./|\.\./|~/|/).*|.*\.(?:c|cc|cfg|conf|cpp|cs|css|csv|docx?|go|gif|h|hpp|html?|ini|ipynb|java|jpe?g|jsx?|jsonl?|"
    r"kt|lock|log|lua|md|pdf|php|pl|png|pyi?|rb|rs|rst|scss|sh|sql|svg|swift|tex|toml|tsx?|tsv|txt|vue|webp|xlsx?|xml|"
    r"ya?ml|zip)",
    re.IGNORECASE,
)
"""How names of files begin or end, unlike those of people, hosts and decorators."""


@dataclass(frozen=True, slots=True)
class File:
    """What became of a file; without an attachment the note says why."""

    attachment: Attachment | None
    note: str = ""


def read(cwd: Path, name: str) -> File | None:
    """Read what a path names; None when there is nothing there. Blocks: run it in a thread."""
    try:
        path = cwd / Path(name).expanduser()
        mode = path.stat().st_mode
    except (OSError, ValueError, RuntimeError):
        return None
    try:
        if stat.S_ISDIR(mode):
            return _folder(path, name)
        if stat.S_ISREG(mode):
            return _file(path, name)
    except OSError as error:
        return File(None, f"{name} could not be read: {error.strerror}. The word is sent as it stands.")
    return File(None, f"{name} is no file and no folder. The word is sent as it stands.")


def leads_out(cwd: Path, name: str) -> bool:
    """Tell whether a path names something that exists outside a folder. Blocks, as `read` does."""
    try:
        path = (cwd / Path(name).expanduser()).resolve()
        return path.exists() and not path.is_relative_to(cwd.resolve())
    except (OSError, ValueError, RuntimeError):
        return False


def is_like_a_file(cwd: Path, name: str) -> bool:
    """Tell whether a word that names nothing was meant for a file. Blocks, as `read` does."""
    if _FILE.fullmatch(name):
        return True
    try:
        # Names of people and packages have a stroke in them too.
        return "/" in name and (cwd / name.partition("/")[0]).is_dir()
    except (OSError, ValueError):
        return False


def _folder(path: Path, name: str) -> File:
    with os.scandir(path) as entries:
        # A folder may hold millions; what is shown is sorted as far as it was read.
        names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in itertools.islice(entries, 10_000))
    shown = [entry for entry in names if not entry.startswith(".")]
    lines = [f"Folder {name}:", *shown[:ENTRIES]]
    note = ""
    if len(shown) > ENTRIES:
        lines.append(f"[{len(shown) - ENTRIES} more]")
        note = f"Of the folder {name} only {ENTRIES} names go along."
    text = clean_text("\n".join(lines))
    return File(Attachment(name, "text/plain", text=text, size=counted(min(len(shown), ENTRIES), "name")), note)


def _file(path: Path, name: str) -> File:
    with path.open("rb") as file:
        data = file.read(BINARY_BYTES + 1)
    kind = media_type(data)
    if kind:
        if len(data) > BINARY_BYTES:
            size = path.stat().st_size / 1_000_000
            return File(None, f"{name} has {size:.0f} MB, more than the 20 MB that can go along; it was left out.")
        return File(Attachment(name, kind, data=data))
    text = _text(data)
    if text is None:
        return File(None, f"{name} is neither text, an image nor a PDF; it was left out.")
    note = ""
    if len(text) > TEXT_CHARS or len(data) > BINARY_BYTES:
        text = text[:TEXT_CHARS] + "\n[the rest was left out]"
        note = f"Of {name} only the first {TEXT_CHARS:,} characters go along."
    known = "" if note else file_size(len(data))
    return File(Attachment(name, "text/plain", text=_fenced(name, text), size=known), note)


def media_type(data: bytes) -> str:
    """Return the type of an image or PDF by its first bytes; empty for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), "")


def _text(data: bytes) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    # Half a character may stand where the reading stopped.
    sample = data[: TEXT_CHARS * 4]
    if b"\0" in sample:
        return None
    try:
        return sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start >= len(sample) - 4 and len(data) > len(sample):
            return sample[: error.start].decode("utf-8-sig")
    text = sample.decode("latin-1")
    return text if _looks_like_text(text) else None


def _looks_like_text(text: str) -> bool:
    odd = sum(not char.isprintable() and char not in "\t\n\r\f" for char in text[:10_000])
    return odd * 50 <= len(text[:10_000])


def _fenced(name: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    language = Path(name).suffix.lstrip(".")
    return f"File {name}:\n{fence}{language}\n{clean_text(text).rstrip(chr(10))}\n{fence}"
