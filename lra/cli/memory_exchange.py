"""`lra memory`: bringing memories in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import files, notices, output
from lra.cli.options import Json
from lra.cli.work import with_memory
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.memory import ImportReport, Memory


def import_(
    path: Annotated[str, typer.Argument(metavar="FILE", help="JSON lines, as written by export; - is standard input.")],
    as_json: Json = False,
) -> None:
    """Add turns and facts from JSON lines, all of them or none."""
    with files.rereadable(path) as (source, name):

        async def work(memory: Memory) -> ImportReport:
            return await memory.import_file(source)

        try:
            report = with_memory(work)
        except UsageError as error:
            raise UsageError(error.message.replace(str(source), name), hint=error.hint) from None
    if as_json:
        output.write_json({"turns": report.turns, "facts": report.facts, "skipped": report.skipped})
    else:
        output.write(f"{report.turns} turns and {report.facts} facts imported, {report.skipped} known already")


def export(
    to: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this private file.")
    ] = None,
) -> None:
    """Write every memory and turn as JSON lines that import reads."""

    async def work(memory: Memory) -> None:
        if to is None or to == "-":
            async for line in memory.export():
                output.write_line(line)
            return
        with output.private_file(to) as file:
            async for line in memory.export():
                file.write(line.rstrip("\n") + "\n")
        notices.say(f"Wrote {to}")

    with_memory(work)
