"""Reading Markdown: one memory for each list item or paragraph, with its headings as tags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lra.memory.exchange.blocks import Block, blocks
from lra.memory.exchange.items import MAX_ITEM, Item, Meter, Placed, Problem, fact, stable_id
from lra.memory.exchange.opening import lines, readable
from lra.text import clean_text


def read_markdown(path: Path, meter: Meter, *, name: str = "") -> Iterator[Item]:
    """Give the statements of a file, written when the file was.

    Args:
        path: The file.
        meter: Counts what was read.
        name: What to call the file in places, where there are several.
    """
    problems: list[Item] = []
    prefix = f"{name}, " if name else ""
    written = written_at(path)
    for block in blocks(text_lines(path, meter, prefix, problems)):
        yield Placed(f"{prefix}line {block.line}", statement(block, written))
        while problems:
            yield problems.pop(0)
    yield from problems


def text_lines(path: Path, meter: Meter, prefix: str, problems: list[Item]) -> Iterator[tuple[int, str]]:
    """Give the lines of a text; what cannot be read is noted in `problems` and counts as blank."""
    for number, raw in lines(path, meter):
        text = ""
        try:
            if raw is None:
                problems.append(Problem(f"{prefix}line {number}", f"it is longer than {MAX_ITEM // 1024 // 1024} MB"))
            else:
                text = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            problems.append(Problem(f"{prefix}line {number}", "it is not UTF-8"))
        yield number, text


def written_at(path: Path) -> int:
    """Return when a file was written, in microseconds."""
    with readable(path):
        return path.stat().st_mtime_ns // 1000


def statement(
    block: Block,
    written: int,
    *,
    kind: str = "fact",
    tags: Sequence[str] = (),
    metadata: dict[str, Any] | None = None,
) -> Any:
    """Return a statement as a memory; its id is that of its words, so that moving it makes no second one."""
    return fact(
        id=stable_id("markdown", clean_text(block.text)),
        content=block.text,
        created_at=written,
        kind=kind,
        tags=[*tags, *block.headings],
        metadata=metadata,
    )
