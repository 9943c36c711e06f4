"""`lra tools`: written tools, changed and looked back at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import output
from lra.cli.files import read_text
from lra.cli.options import HELP, Json, Yes, as_text, confirm
from lra.cli.work import run, with_store

if TYPE_CHECKING:
    from lra.store import StructuredMemoryStore
    from lra.store.tools import ToolState
    from lra.tools.generated.boxes import ToolBoxes

app = typer.Typer(
    help="Change tools that were written, and see their history. `lra list-tools` lists all tools.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=HELP,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The tool's name.", callback=as_text)]


@app.command("history")
def history(name: Name, as_json: Json = False) -> None:
    """Show what happened to a tool, version by version."""
    from lra.store.clock import iso

    events = with_store(lambda store: store.tools.history(name))
    if as_json:
        output.write_json(
            [
                {"version": event.version, "action": event.action, "author": event.author, "at": iso(event.at)}
                for event in events
            ]
        )
        return
    rows = [(output.when(iso(event.at)), event.version, event.action, event.author) for event in events]
    output.write_table(("WHEN", "VERSION", "ACTION", "BY"), rows)


@app.command("disable")
def disable(name: Name) -> None:
    """Stop offering a tool to the model until it is enabled again."""
    _set(name, "disabled", "no longer offered")


@app.command("enable")
def enable(name: Name) -> None:
    """Offer a disabled tool to the model again."""
    _set(name, "enabled", "offered again")


@app.command("delete")
def delete(name: Name, yes: Yes = False) -> None:
    """Delete a tool; its versions stay in its history."""
    record = with_store(lambda store: store.tools.get(name))
    if record.state != "deleted":
        confirm(f"Delete the tool {name}?", yes)
    _set(name, "deleted", "deleted")


def _set(name: str, state: ToolState, told: str) -> None:
    with_store(lambda store: store.tools.set_state(name, state))
    output.write(f"{name} is {told}.")


@app.command("edit")
def edit(
    name: Name,
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", metavar="FILE", help="File with the new version; - is standard input."),
    ] = None,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Begin with this earlier version.")] = None,
) -> None:
    """Change a tool in your editor; the new version is tried in a sandbox before it counts."""
    from lra.cli.tool_writing import keep_all, write_in_editor
    from lra.cli.tool_writing import with_boxes as session

    async def work(store: StructuredMemoryStore, boxes: ToolBoxes) -> list[str]:
        from lra.tools.generated.modules import export

        record = await store.tools.get(name, version)
        if file is not None:
            return await keep_all(store, boxes, read_text(file), only=name)
        text = export([(record.name, record.source, record.tests, record.grants)])
        if version is not None and version != (await store.tools.get(name)).version:
            return await keep_all(store, boxes, text, only=name)
        return await write_in_editor(store, boxes, text, name)

    for line in run(session(work)):
        output.write(line)
