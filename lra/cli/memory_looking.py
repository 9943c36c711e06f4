"""`lra memory list|show`: what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import notices, output
from lra.cli.memory_ids import MemoryId
from lra.cli.options import Json, SessionOption, as_text, at_most
from lra.cli.work import with_memory

if TYPE_CHECKING:
    from lra.memory import Memory
    from lra.store import MemoryRecord


def list_memories(
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="Only this kind: fact, preference, instruction, summary or one of yours.",
            callback=as_text,
        ),
    ] = None,
    session: SessionOption = None,
    limit: Annotated[int | None, at_most("Only the newest so many.")] = None,
    as_json: Json = False,
) -> None:
    """List memories, newest first."""

    async def work(memory: Memory) -> list[MemoryRecord]:
        session_id = (await memory.store.sessions.resolve(session)).id if session else None
        return await memory.find(session_id=session_id, kind=kind, limit=limit)

    records = with_memory(work)
    if as_json:
        output.write_json([record.to_dict() for record in records])
        return
    rows = [(record.id, record.kind, record.content) for record in records]
    output.write_table(("ID", "KIND", "CONTENT"), rows, wide="CONTENT", empty="Nothing is remembered yet.")
    summaries = sum(record.kind == "summary" for record in records)
    if summaries and kind is None:
        memories = len(records) - summaries
        notices.say(
            f"{memories} {'memory' if memories == 1 else 'memories'}, and {summaries}"
            f" {'summary of a conversation' if summaries == 1 else 'summaries of conversations'}."
        )


def show(memory_id: MemoryId, as_json: Json = False) -> None:
    """Print one memory, or one turn that a search found, with everything known about it."""

    async def work(memory: Memory) -> dict[str, Any]:
        wanted = memory_id
        if turn := (await memory.store.journal.by_ids([wanted])).get(wanted):
            from lra.store.clock import iso

            return {
                "id": turn.id,
                "kind": "turn",
                "content": turn.content,
                "role": turn.role,
                "session": turn.session_id,
                "created_at": iso(turn.created_at),
            }
        return (await memory.get(wanted)).to_dict()

    shape = with_memory(work)
    if as_json:
        output.write_json(shape)
        return
    output.write(shape["content"])
    for name, value in shape.items():
        if name != "content" and value not in (None, [], {}, "", False):
            output.write(f"  {name}: {', '.join(value) if isinstance(value, list) else value}")
