"""Reading what Claude Code keeps: memory folders with their index, and CLAUDE.md files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lra.memory.exchange.blocks import blocks, front_matter
from lra.memory.exchange.items import Item, LeftOut, Meter, Placed, Problem, fact, stable_id
from lra.memory.exchange.markdown import statement, text_lines, written_at
from lra.memory.exchange.opening import readable
from lra.text import clean_text

INDEX = "MEMORY.md"
INSTRUCTIONS = ("CLAUDE.md", "CLAUDE.local.md")
_KINDS = {"user": "fact", "feedback": "preference", "project": "fact", "reference": "reference"}
_ONE = 4000
"""Characters up to which a note with a front matter is one memory; longer ones are taken apart."""
_LINK = re.compile(r"(?:\*\*)?[^()]*\(([^()\s]+\.md)\)")


def memory_folders(path: Path) -> list[Path]:
    """Return the memory folders that a path means: itself, a project's, or those of every project."""
    for pattern in (f"projects/*/memory/{INDEX}", "projects/*/memory/*.md", f"*/memory/{INDEX}", "memory/*.md"):
        with readable(path):
            if found := sorted({file.parent for file in path.glob(pattern)}):
                return found
    with readable(path):
        named = path.name == "memory" and any(path.glob("*.md"))
        return [path] if (path / INDEX).is_file() or named else []


def files_of(path: Path) -> list[Path]:
    """Return the files to read of a path of Claude Code's, the person's own instructions first."""
    if path.is_file():
        return [path]
    found = [path / name for name in INSTRUCTIONS if (path / name).is_file()]
    for folder in memory_folders(path):
        found += sorted(folder.glob("*.md"))
    return found


def read_claude_file(path: Path, meter: Meter, *, name: str = "") -> Iterator[Item]:
    """Give the memories of one file.

    Args:
        path: A note, the index, or a CLAUDE.md.
        meter: Counts what was read.
        name: What to call the file in places, where there are several.
    """
    prefix = f"{name}, " if name else ""
    written = written_at(path)
    project = path.parent.parent.name if path.parent.name == "memory" else ""
    metadata = {"file": path.name} | ({"project": project} if project else {})
    problems: list[Item] = []
    source = list(text_lines(path, meter, prefix, problems))
    yield from problems
    values, body = front_matter("\n".join(line for _, line in source))
    kind = "instruction" if path.name in INSTRUCTIONS else _KINDS.get(values.get("type", ""), "fact")
    if values and path.name not in (*INSTRUCTIONS, INDEX) and len(body) <= _ONE:
        yield _note(values, body, prefix, written, kind, metadata)
        return
    tags = [tag for tag in (values.get("type"), None if path.name in (*INSTRUCTIONS, INDEX) else path.stem) if tag]
    for block in blocks(source):
        target = _LINK.match(block.text) if path.name == INDEX else None
        if target and (path.parent / target[1]).is_file():
            yield LeftOut("lines of an index that name a file, whose content is read instead")
            continue
        yield Placed(f"{prefix}line {block.line}", statement(block, written, kind=kind, tags=tags, metadata=metadata))


def _note(
    values: dict[str, str], body: str, prefix: str, written: int, kind: str, metadata: dict[str, str]
) -> Placed | Problem:
    """Return a note with a front matter as one memory: what it is about, then what it says."""
    about, said = values.get("description", ""), body.strip()
    content = clean_text(said if not about or about in said else f"{about}\n{said}".strip())
    if not content:
        return Problem(f"{prefix}line 1", "it says nothing")
    tags = [values[name] for name in ("type", "name") if name in values]
    names = {name: values[name] for name in ("name", "description") if name in values}
    line = fact(
        id=stable_id("claude-code", metadata.get("project"), metadata["file"], content),
        content=content,
        created_at=written,
        kind=kind,
        tags=tags,
        metadata=metadata | names,
    )
    return Placed(f"{prefix}line 1", line)
