"""`AGENTS.md`: what a person and their project want an agent to know, given to it anew with every request."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_ai import FunctionToolset, RunContext
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AgentToolset

from lra.config import Settings, config_dir
from lra.text import clean_text, one_line
from lra.tools.deps import AgentDeps

FILE = "AGENTS.md"
MOST = 32_000
"""Characters of one file that go to the model."""
_DEPTH = 4
_MOST_FOLDERS = 2_000
_MOST_NESTED = 30
_SKIPPED = frozenset({"node_modules", "vendor", "target", "build", "dist", "venv", "site-packages"})

Sign = tuple[int, int] | None


@dataclass
class FolderInstructions(AbstractCapability[AgentDeps]):
    """The files that hold where the person is, from the most general to the most particular.

    Nothing of them is kept in the conversation: a file that changed is read again with the next request.
    """

    files: tuple[Path, ...]
    """Those given with every request."""
    nested: dict[str, Path] = field(default_factory=dict)
    """Folders further down that have one of their own, read when they are asked for."""
    _read: dict[Path, tuple[Sign, str]] = field(default_factory=dict, init=False, repr=False)

    def get_instructions(self) -> Any:
        """Return what reads the files for a request."""
        return self._told

    async def _told(self, ctx: RunContext[AgentDeps]) -> str | None:
        return await asyncio.to_thread(self.text) or None

    def text(self) -> str:
        """Return what the files say now. Blocks."""
        parts = [f"Instructions from {path}:\n\n{text}" for path in self.files if (text := self._current(path))]
        if self.nested:
            folders = ", ".join(self.nested)
            parts.append(
                f"These folders have instructions of their own for work in them: {folders}. "
                "Read them with `read_folder_instructions` before you work there."
            )
        return "\n\n".join(parts)

    def _current(self, path: Path) -> str:
        sign = _sign(path)
        known = self._read.get(path)
        if known is None or known[0] != sign:
            known = self._read[path] = (sign, read_file(path) if sign else "")
        return known[1]

    def get_toolset(self) -> AgentToolset[AgentDeps] | None:
        """Return the tool that reads the files further down, where there are any."""
        if not self.nested:
            return None

        async def read_folder_instructions(ctx: RunContext[AgentDeps], folder: str) -> str:  # noqa: D417
            """Read the instructions that a folder of the project has of its own.

            Args:
                folder: The folder, as the instructions name it.
            """
            path = self.nested.get(folder.strip().strip("/"))
            if path is None:
                raise ToolFailed(f"{one_line(folder, 100)!r} has none. Folders with some: {', '.join(self.nested)}.")
            return await asyncio.to_thread(read_file, path) or "They are empty."

        return FunctionToolset([read_folder_instructions], id="folder-instructions")


def find_instructions(settings: Settings) -> tuple[FolderInstructions | None, list[str]]:
    """Return what holds in the person's folder, and a sentence about what does not. Blocks: it looks at folders.

    Args:
        settings: Which folder, and whether it is trusted.
    """
    files = [path for path in (config_dir() / FILE,) if path.is_file()]
    here = settings.folder
    line = _up_to_repository(here)
    above = [path for path in (folder / FILE for folder in line) if path.is_file() and _lies_in(path, line[0])]
    if not settings.trusted:
        ignored = [f"{path} is ignored until you trust this folder (run `lra init --trust`)." for path in above[-1:]]
        return _made(files, {}), ignored
    return _made([*files, *above], _nested(here)), []


def _made(files: list[Path], nested: dict[str, Path]) -> FolderInstructions | None:
    return FolderInstructions(tuple(files), nested) if files or nested else None


def _up_to_repository(folder: Path) -> list[Path]:
    """Return a folder and those above it up to the top of its repository, the top first; no more without one."""
    line = [folder, *folder.parents]
    for index, each in enumerate(line):
        if (each / ".git").exists():
            return line[index::-1]
    return [folder]


def _lies_in(path: Path, top: Path) -> bool:
    """Whether a file is the project's own, and not a link to something of the person's."""
    return path.resolve().is_relative_to(top.resolve())


def _nested(top: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for looked, (folder, names, files) in enumerate(os.walk(top)):
        here = Path(folder).relative_to(top)
        if looked > _MOST_FOLDERS or len(found) >= _MOST_NESTED:
            break
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)
        if len(here.parts) >= _DEPTH:
            names.clear()
        if here.parts and FILE in files and _lies_in(Path(folder) / FILE, top):
            found[here.as_posix()] = Path(folder) / FILE
    return found


def _sign(path: Path) -> Sign:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def read_file(path: Path) -> str:
    """Return what a file says, cut to what goes to the model; nothing where it cannot be read. Blocks."""
    try:
        with path.open("rb") as file:
            text = clean_text(file.read(4 * MOST).decode("utf-8", "replace")).strip()
    except OSError:
        return ""
    return text if len(text) <= MOST else f"{text[:MOST]}\n… the rest of the file is left out: it is too long."
