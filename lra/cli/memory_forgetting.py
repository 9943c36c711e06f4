"""`lra memory forget`: erasing for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices, output
from lra.cli.ids import memory_ids
from lra.cli.options import Yes, confirm
from lra.cli.work import settings, with_memory
from lra.text import clean_text, one_line

if TYPE_CHECKING:
    from lra.memory import Memory
    from lra.store import MemoryRecord


def forget(
    memory_ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help="Memories, by id or its beginning.", autocompletion=memory_ids)
    ],
    yes: Yes = False,
) -> None:
    """Erase memories, with every copy of their words in conversations and summaries."""
    records = [_get(memory_id) for memory_id in dict.fromkeys(memory_ids)]
    for record in records:
        notices.say(f"{record.id}: {one_line(record.content)}")
    what = "this memory" if len(records) == 1 else f"these {len(records)} memories"
    confirm(f"Forget {what} for good, everywhere?", yes)

    async def work(memory: Memory) -> None:
        for record in records:
            _, forgotten = await memory.erase(record.id)
            for line in forgotten.sentences(f"{record.id} forgotten"):
                output.write(line)

    with_memory(work)
    from lra.chat.history import forget_in_file

    typed = settings(quiet=True).home / "history"
    for record in records:
        forget_in_file(typed, record.content)


def _get(memory_id: str) -> MemoryRecord:
    async def work(memory: Memory) -> MemoryRecord:
        return await memory.get(clean_text(memory_id))

    return with_memory(work)
