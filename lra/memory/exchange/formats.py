"""Recognising what a file or folder holds, by its content."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from lra.errors import UsageError
from lra.memory.exchange.chatgpt import read_chatgpt
from lra.memory.exchange.claude_code import INDEX, INSTRUCTIONS, files_of, memory_folders, read_claude_file
from lra.memory.exchange.items import Item, Meter
from lra.memory.exchange.jsonl import read_jsonl
from lra.memory.exchange.markdown import read_markdown
from lra.memory.exchange.mem0 import KEYS, read_mem0
from lra.memory.exchange.opening import chunks, member_chunks, readable
from lra.store.legacy import is_legacy

Format = Literal["lra", "original", "claude-code", "chatgpt", "mem0", "markdown"]
FORMATS: tuple[Format, ...] = get_args(Format)
_SAYS = (
    "It reads lra's JSON lines, the original program's ./data, Claude Code memory, ChatGPT's export, mem0's JSON and"
    " Markdown."
)
_HEAD = 64 * 1024
_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:[-_]\d+)?\.json")
_MARKDOWN = (".md", ".markdown", ".mdown", ".txt")


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be read: its format, its files and how many bytes they have."""

    format: Format
    path: Path
    files: tuple[Path, ...]
    members: tuple[str, ...] = ()
    """Files inside an archive."""
    size: int = 0
    passed_over: tuple[str, ...] = ()
    """Files that lie in the folder itself and are no part of this format."""

    def read(self, meter: Meter) -> Iterator[Item]:
        """Give everything in it, in order."""
        several = len(self.files) > 1 or self.path.is_dir()
        for file in self.files:
            name = str(file.relative_to(self.path)) if several else ""
            if self.format == "lra":
                yield from read_jsonl(file, meter)
            elif self.format == "mem0":
                yield from read_mem0(chunks(file, meter))
            elif self.format == "claude-code":
                yield from read_claude_file(file, meter, name=name)
            elif self.format == "markdown":
                yield from read_markdown(file, meter, name=name)
            elif self.members:
                for member in self.members:
                    prefix = f"{member}, " if len(self.members) > 1 else ""
                    yield from read_chatgpt(member_chunks(file, member, meter), prefix=prefix)
            else:
                yield from read_chatgpt(chunks(file, meter), prefix=f"{name}, " if name else "")


def recognise(path: Path, wanted: Format | None = None) -> Source:
    """Return what a path holds.

    Args:
        path: A file or folder.
        wanted: The format to take it for, whatever it looks like.

    Raises:
        UsageError: It cannot be read, is empty, or is nothing that can be imported.
    """
    with readable(path):
        folder = path.is_dir()
        # A broken or circular link is neither; this says why.
        path.stat()
    return _folder(path, wanted) if folder else _file(path, wanted)


def _folder(path: Path, wanted: Format | None) -> Source:
    with readable(path):
        names = sorted(os.listdir(path))
    looks: list[tuple[Format, Callable[[], list[Path]]]] = [
        ("chatgpt", lambda: [path / name for name in names if _CONVERSATIONS.fullmatch(name)]),
        ("original", lambda: _old_database(path)),
        ("claude-code", lambda: files_of(path) if memory_folders(path) or wanted else []),
        ("markdown", lambda: _texts(path)),
    ]
    for name, look in looks:
        if wanted in (None, name) and (files := look()):
            others = () if name == "original" else _others(path, names, files)
            return _sized(Source(name, path, tuple(files), passed_over=others))
    if wanted in ("lra", "mem0"):
        raise UsageError(f"{path} is a folder.", hint=f"Name a file to read as {wanted}.")
    raise UsageError(f"{path} holds nothing that can be imported.", hint=_SAYS)


def _others(path: Path, names: list[str], files: list[Path]) -> tuple[str, ...]:
    taken = set(files)
    return tuple(
        name for name in names if not name.startswith(".") and path / name not in taken and (path / name).is_file()
    )


def _old_database(path: Path) -> list[Path]:
    candidates = (path / "agent_memory.db", path / "data" / "agent_memory.db")
    return [file for file in candidates if file.is_file() and is_legacy(file)][:1]


def _texts(path: Path) -> list[Path]:
    """Return the Markdown files of a folder and the folders in it, without following links to folders."""
    found = []
    for root, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in sorted(names) if name.lower().endswith((".md", ".markdown"))]
    return [file for file in found if file.is_file()]


def _sized(source: Source) -> Source:
    with readable(source.path):
        size = sum(file.stat().st_size for file in source.files)
    return replace(source, size=size)


def _file(path: Path, wanted: Format | None) -> Source:
    with readable(path), path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UsageError(f"{path} is empty.", hint="Nothing was imported.")
    if head.startswith(b"SQLite format 3\0"):
        if wanted in (None, "original") and is_legacy(path):
            return _sized(Source("original", path, (path,)))
        raise UsageError(f"{path} is a database.", hint="`lra memory restore` takes backups of lra.")
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _archive(path, wanted)
    if b"\0" in head:
        raise UsageError(f"{path} is not text.", hint=_SAYS)
    found = wanted or _by_content(path, head)
    if found == "original":
        raise UsageError(f"{path} is no database of the original program.")
    return _sized(Source(found, path, (path,)))


def _archive(path: Path, wanted: Format | None) -> Source:
    with readable(path), zipfile.ZipFile(path) as archive:
        members = sorted((info for info in archive.infolist() if _CONVERSATIONS.fullmatch(info.filename)), key=_order)
    if not members or wanted not in (None, "chatgpt"):
        raise UsageError(f"{path} is an archive without conversations.json.", hint="ChatGPT's export has one.")
    size = sum(info.file_size for info in members)
    return Source("chatgpt", path, (path,), tuple(info.filename for info in members), size)


def _order(info: zipfile.ZipInfo) -> tuple[int, str]:
    return len(info.filename), info.filename


def _by_content(path: Path, head: bytes) -> Format:
    text = head.decode("utf-8-sig", "replace").lstrip()
    suffix = path.suffix.lower()
    if path.name in (INDEX, *INSTRUCTIONS) or (path.parent.name == "memory" and (path.parent / INDEX).is_file()):
        return "claude-code"
    if suffix in _MARKDOWN:
        return "markdown"
    if suffix in (".jsonl", ".ndjson"):
        return "lra"
    if found := _json_family(text):
        return found
    if re.fullmatch(r"[\[{]\s*[\]}]\s*", text):
        raise UsageError(f"{path} holds nothing.", hint="Nothing was imported.")
    if suffix == ".json" or text[:1] in "[{":
        raise UsageError(f"{path} is JSON of an unknown kind, or none.", hint=_SAYS)
    if re.search(r"^(?:#{1,6} |[-*+] |\d+[.)] )", text, re.MULTILINE):
        return "markdown"
    raise UsageError(f"It is not clear what {path} holds.", hint=f"Say it with --format. {_SAYS}")


def _json_family(text: str) -> Format | None:
    """Return which of the JSON formats a text begins like."""
    if text.startswith("[") or re.match(r"\{\s*\n?\s*\"(?:" + "|".join(KEYS) + r")\"\s*:\s*\[", text):
        # The keys of the first element tell.
        if re.search(r'"mapping"\s*:', text):
            return "chatgpt"
        if re.search(r'"memory"\s*:', text) or re.search(rf'"(?:{"|".join(KEYS)})"\s*:\s*\[\s*\]', text):
            return "mem0"
        return None
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                data = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(data, dict) and isinstance(data.get("type"), str):
                return "lra"
            if isinstance(data, dict) and any(isinstance(data.get(key), list) for key in KEYS):
                return "mem0"
    if re.search(rf'"(?:{"|".join(KEYS)})"\s*:\s*\[', text) and re.search(r'"memory"\s*:', text):
        return "mem0"
    return "lra" if re.match(r'\{\s*"type"\s*:\s*"(?:turn|fact|vector)"', text) else None
