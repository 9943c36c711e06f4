"""`lra memory`: what is remembered; the commands of the group and where each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import files, notices, output
from lra.cli.memory_forgetting import forget
from lra.cli.memory_looking import history, list_memories, show
from lra.cli.memory_writing import add, edit
from lra.cli.options import HELP, Json
from lra.cli.search import search
from lra.cli.work import with_memory
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.memory import ImportReport, Memory

app = typer.Typer(
    help="Add, search, change and forget memories.", no_args_is_help=True, add_completion=False, context_settings=HELP
)

app.command("add")(add)
app.command("list")(list_memories)
app.command("search")(search)
app.command("show")(show)
app.command("edit")(edit)
app.command("history")(history)
app.command("forget")(forget)


@app.command("import")
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


@app.command("export")
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


@app.command("index")
def index() -> None:
    """Bring the vector index up to date now, instead of during the next conversation."""
    from lra.errors import BusyError

    async def work(memory: Memory) -> bool:
        await memory.start()
        return await memory.drain()

    if not with_memory(work):
        raise BusyError("The index is not complete.", hint="`lra doctor` says what is missing.")
    output.write("The index is complete.")
