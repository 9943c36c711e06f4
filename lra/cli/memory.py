"""`lra memory`: what is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import files, notices, output, stdin
from lra.cli.ids import memory_ids
from lra.cli.options import HELP, FromSession, Json, Limit, SessionOption, Yes, confirm, required_text
from lra.cli.search import search
from lra.cli.work import settings, with_memory
from lra.errors import UsageError
from lra.text import clean_text, one_line

if TYPE_CHECKING:
    from lra.memory import ImportReport, Memory, Write
    from lra.store import MemoryRecord
    from lra.store.records import HistoryRow

app = typer.Typer(
    help="Add, search, change and forget memories.", no_args_is_help=True, add_completion=False, context_settings=HELP
)

_ACTIONS = {"merged": "It was known already.", "superseded": "It takes the place of an older memory with this key."}

MemoryId = Annotated[
    str, typer.Argument(metavar="ID", help="The memory's id, or its beginning.", autocompletion=memory_ids)
]


@app.command("add")
def add(
    text: Annotated[str | None, typer.Argument(help="What to remember; without it, standard input.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="fact, preference, instruction or another word.")] = "fact",
    key: Annotated[
        str | None, typer.Option("--key", help="What it is about; a new value replaces the old one of the same key.")
    ] = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="A word to find it by; may be repeated.")
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Put it before the model in every turn.")] = False,
    session: FromSession = None,
    as_json: Json = False,
) -> None:
    """Remember something and print its id."""
    if text is None and not stdin.is_terminal():
        text = stdin.read_all()
    content = required_text(text or "", "The text to remember")

    async def work(memory: Memory) -> Write:
        session_id = (await memory.store.sessions.resolve(clean_text(session))).id if session else None
        return await memory.remember(
            content,
            kind=required_text(kind, "The kind"),
            key=clean_text(key) if key else None,
            tags=tuple(clean_text(tag) for tag in tags or ()),
            pin=pin,
            session_id=session_id,
        )

    _print_write(with_memory(work), as_json)


@app.command("list")
def list_memories(
    kind: Annotated[str | None, typer.Option("--kind", help="Of this kind alone.")] = None,
    session: SessionOption = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """List memories, newest first."""

    async def work(memory: Memory) -> list[MemoryRecord]:
        session_id = (await memory.store.sessions.resolve(clean_text(session))).id if session else None
        return await memory.find(session_id=session_id, kind=kind, limit=limit)

    records = with_memory(work)
    if as_json:
        output.write_json([record.to_dict() for record in records])
        return
    rows = [(record.id, record.kind, record.content) for record in records]
    output.write_table(("ID", "KIND", "CONTENT"), rows, wide="CONTENT", empty="Nothing is remembered yet.")


app.command("search")(search)


@app.command("show")
def show(memory_id: MemoryId, as_json: Json = False) -> None:
    """Print one memory, or one turn that a search found, with everything known about it."""

    async def work(memory: Memory) -> dict[str, Any]:
        wanted = clean_text(memory_id)
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


@app.command("edit")
def edit(
    memory_id: MemoryId,
    text: Annotated[str | None, typer.Argument(help="The new text; without it, standard input.")] = None,
    as_json: Json = False,
) -> None:
    """Replace a memory's text."""
    if text is None and not stdin.is_terminal():
        text = stdin.read_all()
    content = required_text(text or "", "The new text")

    async def work(memory: Memory) -> Write:
        return await memory.edit(clean_text(memory_id), content)

    _print_write(with_memory(work), as_json)


@app.command("history")
def history(memory_id: MemoryId, as_json: Json = False) -> None:
    """Show what happened to a memory, also to a forgotten one (by its whole id)."""
    from lra.errors import NotFoundError

    async def work(memory: Memory) -> list[HistoryRow]:
        wanted = clean_text(memory_id)
        found = await memory.history(wanted)
        # Only a memory that still exists is known by the beginning of its id.
        return found or await memory.history((await memory.get(wanted)).id)

    found = with_memory(work)
    if not found:
        raise NotFoundError(f"Nothing is known of what happened to memory {memory_id!r}.")
    if as_json:
        output.write_json([change.to_dict() for change in found])
        return
    shapes = [change.to_dict() for change in found]
    rows = [(output.when(shape["at"]), shape["action"], shape["actor"], shape["content"]) for shape in shapes]
    output.write_table(("WHEN", "WHAT", "BY", "CONTENT"), rows, wide="CONTENT")


@app.command("forget")
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


def _get(memory_id: str) -> MemoryRecord:
    async def work(memory: Memory) -> MemoryRecord:
        return await memory.get(clean_text(memory_id))

    return with_memory(work)


def _print_write(write: Write, as_json: bool) -> None:
    if as_json:
        output.write_json({"action": write.action, **write.record.to_dict()})
    else:
        output.write(write.record.id)
        if write.action in _ACTIONS:
            notices.say(_ACTIONS[write.action])
