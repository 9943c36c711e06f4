"""`lra sessions`: past conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lra.cli import notices, output
from lra.cli.options import HELP, Json, SessionId, Yes, at_most, confirm, replaced, required_text
from lra.cli.replay import replay
from lra.cli.work import with_memory, with_store
from lra.text import one_line

if TYPE_CHECKING:
    from lra.memory import Hit, Memory
    from lra.session.transcript import Message
    from lra.store import SessionRecord, StructuredMemoryStore

app = typer.Typer(
    help="List, read, search, replay, rename, export and delete conversations.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=HELP,
)


@app.command("list")
def list_sessions(
    limit: Annotated[int | None, at_most("Only the latest so many.")] = None,
    here: Annotated[bool, typer.Option("--here", help="Only those of this folder.")] = False,
    as_json: Json = False,
) -> None:
    """List conversations, latest first."""

    async def work(store: StructuredMemoryStore) -> list[SessionRecord]:
        from pathlib import Path

        return await store.sessions.find(folder=str(Path.cwd().resolve()) if here else None, limit=limit)

    shapes = [session.to_dict() for session in with_store(work)]
    if as_json:
        output.write_json(shapes)
        return
    rows = [(s["id"], s["title"], s["turns"], output.when(s["updated_at"]), s["model"]) for s in shapes]
    columns = ("ID", "TITLE", "TURNS", "UPDATED", "MODEL")
    empty = "There are no sessions yet. `lra chat` starts one."
    output.write_table(columns, rows, wide="TITLE", spare="MODEL", empty=empty)


@app.command("show")
def show(
    session_id: SessionId,
    limit: Annotated[int | None, at_most("Only the last so many messages.")] = None,
    as_json: Json = False,
) -> None:
    """Print a conversation, tool calls included."""
    from lra.session.export import shape

    session, messages = _conversation(session_id)
    if limit is not None:
        messages = messages[-limit:]
    if as_json:
        output.write_json(shape(session, messages))
        return
    output.write(f"{one_line(session.title) or 'Untitled'} ({session.id})")
    for message in messages:
        outcome = message.get("outcome")
        mark = f" ({outcome})" if outcome not in {None, "completed"} else ""
        if message["role"] == "tool":
            args = output.dump_json(message["args"], line=True)
            output.write(f"\n[{message['name']} {one_line(args, 200)}]{mark}\n{message['content']}")
        else:
            output.write(f"\n{message.get('speaker') or message['role']}{mark}:\n{message['content']}")


@app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD", help="Words that were said in it.")],
    limit: Annotated[int, at_most("Only the best so many.")] = 10,
    as_json: Json = False,
) -> None:
    """Find conversations by what was said in them."""
    query = required_text(" ".join(words), "The query")

    async def work(memory: Memory) -> tuple[list[Hit], dict[str, str]]:
        hits = await memory.search(query, scope="sessions", limit=limit)
        titles = {session.id: session.title for session in await memory.store.sessions.find()}
        return hits, titles

    hits, titles = with_memory(work)
    if as_json:
        output.write_json([hit.to_dict() for hit in hits])
        return
    rows = [(hit.id, titles.get(hit.id), hit.content) for hit in hits]
    output.write_table(("ID", "TITLE", "BEST TURN"), rows, wide="BEST TURN", spare="TITLE", empty="Nothing was found.")


app.command("replay")(replay)


@app.command("rename")
def rename(
    session_id: SessionId, title: Annotated[str, typer.Argument(metavar="TITLE", help="Its new title, in quotes.")]
) -> None:
    """Give a conversation a title of your own."""
    checked = one_line(required_text(title, "The title"), 200)

    async def work(store: StructuredMemoryStore) -> SessionRecord:
        session = await store.sessions.resolve(session_id)
        await store.sessions.set_title(session.id, checked, by_user=True)
        return await store.sessions.get(session.id)

    session = with_store(work)
    output.write(f"{session.id} is now called {session.title}")


@app.command("delete")
def delete(session_id: SessionId, yes: Yes = False) -> None:
    """Remove a conversation for good; memories and tasks that came from it stay."""

    async def find(store: StructuredMemoryStore) -> SessionRecord:
        return await store.sessions.resolve(session_id)

    session = with_store(find)
    title = one_line(session.title, 60) or session.id
    turns = "turn" if session.turns == 1 else "turns"
    confirm(f"Delete the conversation {title!r} with {session.turns} {turns} for good?", yes)

    async def work(store: StructuredMemoryStore) -> None:
        from lra.errors import BusyError

        if lease := await store.sessions.acquire(session.id, "lra sessions delete"):
            raise BusyError(
                f"Session {session.id} is open in process {lease.pid} on {lease.host}.", hint="Close it there first."
            )
        await store.sessions.delete(session.id)

    with_store(work)
    output.write(f"{session.id} deleted: {title}")


@app.command("export")
def export(
    session_id: SessionId,
    format_: Annotated[
        Literal["md", "json", "html"], typer.Option("--format", "-f", help="The kind of document.")
    ] = "md",
    to: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file; standard output by default."),
    ] = None,
) -> None:
    """Write a conversation as a document, to a private file or to standard output."""

    async def work(store: StructuredMemoryStore) -> str:
        from lra.session.export import export_session

        session = await store.sessions.resolve(session_id)
        return await export_session(store, session.id, format_)

    text = with_store(work)
    if to is not None and to != "-":
        instead = replaced(to)
        output.write_file(to, text)
        notices.say(f"Wrote {to}{instead}")
    elif format_ == "json":
        output.write_document(text)
    else:
        output.write(text.rstrip("\n"))


def _conversation(session_id: str) -> tuple[SessionRecord, list[Message]]:
    async def work(store: StructuredMemoryStore) -> tuple[SessionRecord, list[Message]]:
        from lra.session.transcript import read_messages

        session = await store.sessions.resolve(session_id)
        return session, await read_messages(store, session.id)

    return with_store(work)
