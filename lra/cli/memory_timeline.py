"""`lra memory asof|diff|history|blame`: memory through time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import output
from lra.cli.memory_ids import MemoryId
from lra.cli.options import Json, as_text, required_moment
from lra.cli.work import with_memory
from lra.text import one_line

if TYPE_CHECKING:
    from lra.memory import Memory
    from lra.memory.origins import Origin
    from lra.store import MemoryRecord
    from lra.store.records import HistoryRow
    from lra.store.timeline import Difference

_TIME = "A moment: 2026-01-31, 2026-01-31T18:00, today or yesterday."

Namespace = Annotated[
    str | None,
    typer.Option("--namespace", metavar="NAME", help="Only memories of this namespace.", callback=as_text),
]


def asof(
    date: Annotated[str, typer.Argument(metavar="DATE", help=_TIME)], namespace: Namespace = None, as_json: Json = False
) -> None:
    """List what held at a moment, as it was worded then."""
    at = required_moment(date, "The date")

    async def work(memory: Memory) -> list[MemoryRecord]:
        return await memory.store.timeline.at(at, namespace=namespace)

    records = with_memory(work)
    if as_json:
        output.write_json([record.to_dict() for record in records])
        return
    rows = [(record.id, record.kind, record.content) for record in records]
    output.write_table(("ID", "KIND", "CONTENT"), rows, wide="CONTENT", empty="Nothing was remembered then.")


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=_TIME)],
    second: Annotated[str, typer.Argument(metavar="B", help="The later moment, written so too.")],
    namespace: Namespace = None,
    as_json: Json = False,
) -> None:
    """Show what was added, removed and changed between two moments."""
    a, b = required_moment(first, "The first moment"), required_moment(second, "The second moment")

    async def work(memory: Memory) -> list[Difference]:
        return await memory.store.timeline.between(a, b, namespace=namespace)

    changes = with_memory(work)
    if as_json:
        output.write_json([change.to_dict() for change in changes])
        return
    rows: list[tuple[str, str, str]] = []
    for change in changes:
        if change.before is not None:
            rows.append(("-", change.before.id, change.before.content))
        if change.after is not None:
            rows.append(("+", change.after.id, change.after.content))
    output.write_table(("", "ID", "CONTENT"), rows, wide="CONTENT", empty="Nothing changed between the two.")


def history(memory_id: MemoryId, as_json: Json = False) -> None:
    """Show what happened to a memory, also to a forgotten one (by its whole id)."""
    from lra.errors import NotFoundError

    async def work(memory: Memory) -> list[HistoryRow]:
        wanted = memory_id
        found = await memory.history(wanted)
        # Only a memory that still exists is known by the beginning of its id.
        return found or await memory.history((await memory.get(wanted)).id)

    found = with_memory(work)
    if not found:
        raise NotFoundError(f"Nothing is known of what happened to memory {memory_id!r}.")
    if as_json:
        output.write_json([change.to_dict() for change in found])
        return
    rows = [
        (
            output.when(change.to_dict()["at"]),
            f"{change.what}{' (undone)' if change.undone else ''}",
            change.by,
            change.content,
        )
        for change in found
    ]
    output.write_table(("WHEN", "WHAT", "BY", "CONTENT"), rows, wide="CONTENT")


def blame(memory_id: MemoryId, as_json: Json = False) -> None:
    """Show who wrote a memory: which turn, which call of a tool, which process, and what was said then."""

    async def work(memory: Memory) -> list[Origin]:
        from lra.memory.origins import origins

        return await origins(memory.store, memory_id)

    found = with_memory(work)
    if as_json:
        output.write_json([origin.to_dict() for origin in found])
        return
    for origin in found:
        for line in origin.sentences(output.when(origin.to_dict()["at"])):
            output.write(one_line(line, 400) if not line.startswith("  ") else f"  {one_line(line, 400)}")
