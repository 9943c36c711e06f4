"""`lra memory add|edit`: what a person writes into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices, output, stdin
from lra.cli.memory_ids import MemoryId
from lra.cli.options import FromSession, Json, required_text
from lra.cli.work import with_memory
from lra.text import clean_text

if TYPE_CHECKING:
    from lra.memory import Memory, Write

_ACTIONS = {"merged": "It was known already.", "superseded": "It takes the place of an older memory with this key."}


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


def _print_write(write: Write, as_json: bool) -> None:
    if as_json:
        output.write_json({"action": write.action, **write.record.to_dict()})
    else:
        output.write(write.record.id)
        if write.action in _ACTIONS:
            notices.say(_ACTIONS[write.action])
