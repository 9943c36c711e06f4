"""`lra memory add|edit|tag|pin|unpin|undo`: what a person writes into memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices, output, stdin
from lra.cli.memory_ids import MemoryId
from lra.cli.options import FromSession, Json, moment, required_text
from lra.cli.work import with_memory
from lra.text import clean_text, one_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lra.memory import Memory, Write
    from lra.store import MemoryRecord

_ACTIONS = {"merged": "It was known already.", "superseded": "It takes the place of an older memory with this key."}

AllowSecret = Annotated[
    bool, typer.Option("--allow-secret", help="Keep it even if it holds a key, token, password or card number.")
]


def add(  # noqa: PLR0913, PLR0917 (each is an option of the command)
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What to remember, in quotes; without it, standard input.")
    ] = None,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="fact, preference, instruction or a word of yours.")
    ] = "fact",
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="KEY", help="What it is about; a new value replaces the old one of the same key."
        ),
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", "-t", metavar="WORD", help="A word to find it by; may be given more than once."),
    ] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Pin it, as `lra memory pin` does.")] = False,
    session: FromSession = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="From when on it holds, such as 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Until when it holds.")] = None,
    confidence: Annotated[float, typer.Option("--confidence", min=0, max=1, help="How sure it is, from 0 to 1.")] = 1.0,
    project: Annotated[bool, typer.Option("--project", help="Only for the project of this folder.")] = False,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", metavar="NAME", help="Keep it in this namespace, apart from the others."),
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only for this agent.")] = None,
    local_only: Annotated[
        bool, typer.Option("--local-only", help="Never show it to a model that is not on this machine.")
    ] = False,
    allow_secret: AllowSecret = False,
    as_json: Json = False,
) -> None:
    """Remember something and print its id."""
    if text is None and not stdin.is_terminal():
        text = stdin.read_all()
    content = required_text(text or "", "The text to remember")
    valid_from, valid_to = moment(since, "--from"), moment(until, "--to")

    async def work(memory: Memory, allowed: bool) -> Write:
        session_id = (await memory.store.sessions.resolve(session)).id if session else None
        own = required_text(namespace, "The namespace") if namespace is not None else "default"
        return await memory.remember(
            content,
            kind=required_text(kind, "The kind"),
            key=clean_text(key) if key else None,
            tags=tuple(clean_text(tag) for tag in tags or ()),
            pin=pin,
            session_id=session_id,
            namespace=await memory.project() if project else own,
            valid_from=valid_from,
            valid_to=valid_to,
            confidence=confidence,
            agent=clean_text(agent) if agent else None,
            local_only=local_only,
            allow_secret=allowed,
        )

    _print_write(_asking(work, allow_secret), as_json)


def edit(
    memory_id: MemoryId,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="The new text, in quotes; without it, standard input.")
    ] = None,
    allow_secret: AllowSecret = False,
    as_json: Json = False,
) -> None:
    """Replace a memory's text."""
    if text is None and not stdin.is_terminal():
        text = stdin.read_all()
    content = required_text(text or "", "The new text")

    async def work(memory: Memory, allowed: bool) -> Write:
        return await memory.edit(memory_id, content, allow_secret=allowed)

    _print_write(_asking(work, allow_secret), as_json)


def tag(
    memory_id: MemoryId,
    tags: Annotated[list[str], typer.Argument(metavar="TAG", help="Words to find it by.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags away instead.")] = False,
    as_json: Json = False,
) -> None:
    """Add words that a memory is found by, or take them away."""
    words = [required_text(word, "A tag") for word in tags]

    async def work(memory: Memory) -> MemoryRecord:
        return await memory.tag(memory_id, () if remove else words, words if remove else ())

    _print_record(with_memory(work), as_json)


def pin(memory_id: MemoryId, as_json: Json = False) -> None:
    """Put a memory before the others; a pinned instruction is given to the model in every turn."""
    _pin(memory_id, True, as_json)


def unpin(memory_id: MemoryId, as_json: Json = False) -> None:
    """Take back a pin: the memory is one among the others again."""
    _pin(memory_id, False, as_json)


def _pin(memory_id: str, pinned: bool, as_json: bool) -> None:
    async def work(memory: Memory) -> MemoryRecord:
        return await memory.pin(memory_id, pinned)

    _print_record(with_memory(work), as_json)


def undo(as_json: Json = False) -> None:
    """Take back the last write to memory, whoever made it; again for the one before."""
    from lra.errors import NotFoundError

    back = with_memory(lambda memory: memory.undo())
    if not back:
        raise NotFoundError("There is no write to take back.", hint="What was forgotten cannot come back.")
    if as_json:
        output.write_json([{"id": one.id, "action": one.action, "content": one.content} for one in back])
        return
    for one in back:
        what = {"removed": "no longer remembered", "restored": "back to what it was"}.get(one.action, "kept")
        output.write(f"{one.id} {what}: {one_line(one.content)}")


def _asking(work: Callable[[Memory, bool], Awaitable[Write]], allowed: bool) -> Write:
    """Run a write; when it would keep a secret, ask the person, where there is one."""
    from lra.memory.secrets import SecretRefusedError, listed

    try:
        return with_memory(lambda memory: work(memory, allowed))
    except SecretRefusedError as refused:
        if not notices.interactive():
            raise
        if notices.ask(f"It seems to hold {listed(refused.kinds)}. Keep it in memory? [y/N]").lower() not in {
            "y",
            "yes",
        }:
            raise
    return with_memory(lambda memory: work(memory, True))


def _print_record(record: MemoryRecord, as_json: bool) -> None:
    if as_json:
        output.write_json(record.to_dict())
        return
    marks = [*(["pinned"] if record.pin else []), *(f"#{tag}" for tag in record.tags)]
    output.write(" ".join([record.id, *marks]))


def _print_write(write: Write, as_json: bool) -> None:
    from lra.memory.telling import contradiction

    if as_json:
        contradicts = [record.to_dict() for record in write.contradicts]
        output.write_json({"action": write.action, **write.record.to_dict(), "contradicts": contradicts})
        return
    output.write(write.record.id)
    if write.action in _ACTIONS:
        notices.say(_ACTIONS[write.action])
    for other in write.contradicts:
        notices.say(contradiction(write.record, other))
