"""Commands about the conversation: new, resume, fork, rewind and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.render import compacted_text
from lra.chat.table import ago, counted, rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat

_SHOWN = 15


@registry.command("new")
async def new(chat: Chat, args: str) -> None:
    """Start a new conversation; this one is kept."""
    await chat.current.switch()
    chat.screen.line("A new conversation. Memory is the same.", "good")


@registry.command("resume", "[ID]")
async def resume(chat: Chat, args: str) -> None:
    """Go back to an earlier conversation; without an id, choose one."""
    session = await chat.ready()
    if not args:
        args = await _choose(chat)
        if not args:
            return
    record = await session.runtime.store.sessions.resolve(args)
    if record.id == session.id:
        chat.screen.line("That conversation is this one.")
        return
    await chat.current.switch(resume=record.id)


async def _choose(chat: Chat) -> str:
    session = await chat.ready()
    found = await session.runtime.store.sessions.find(limit=_SHOWN)
    others = [record for record in found if record.id != session.id and record.turns]
    if not others:
        chat.screen.line("There is no other conversation yet.")
        return ""
    table = [
        (str(number), record.id, ago(record.updated_at), counted(record.turns, "turn"), record.title or "untitled")
        for number, record in enumerate(others, 1)
    ]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    answer = await chat.ask("Number or id, or Enter for none: ")
    if answer.isdecimal() and 1 <= int(answer) <= len(others):
        return others[int(answer) - 1].id
    return answer


@registry.command("sessions")
async def sessions(chat: Chat, args: str) -> None:
    """List the latest conversations."""
    session = await chat.ready()
    found = await session.runtime.store.sessions.find(limit=_SHOWN)
    table = [
        (
            "*" if record.id == session.id else " ",
            record.id,
            ago(record.updated_at),
            counted(record.turns, "turn"),
            record.title or "untitled",
        )
        for record in found
        if record.turns or record.id == session.id
    ]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    chat.screen.line("* is this one; /resume ID goes to another.", "dim")


@registry.command("rename", "TITLE")
async def rename(chat: Chat, args: str) -> None:
    """Give this conversation a title."""
    if not args:
        raise UsageError("Write the title after the command: /rename TITLE")
    session = await chat.ready()
    await session.rename(args)
    chat.screen.line(f"This conversation is now called “{clip(session.title, 100)}”.", "good")


@registry.command("compact")
async def compact(chat: Chat, args: str) -> None:
    """Shorten what is sent to the model; the record keeps everything."""
    compacted = await (await chat.ready()).compact()
    chat.screen.line("There is nothing to shorten yet." if compacted is None else compacted_text(compacted))


@registry.command("rewind", "[N]")
async def rewind(chat: Chat, args: str) -> None:
    """Undo turn N and all after it; without a number, list the turns."""
    session = await chat.ready()
    store = session.runtime.store
    numbers = {turn.id: turn.number for turn in await store.journal.turns(session.id)}
    said = [row for row in await store.journal.rows(session.id) if row.role == "user" and row.turn_id in numbers]
    texts = {numbers[row.turn_id]: row.content for row in reversed(said) if row.turn_id is not None}
    if not args:
        for line in rows([(str(number), texts[number]) for number in sorted(texts)], chat.screen.columns):
            chat.screen.line(line)
        chat.screen.line("/rewind N undoes turn N and all after it." if texts else "There is nothing to undo.", "dim")
        return
    if not args.isdecimal():
        raise UsageError(f"{args!r} is no turn number.", hint="/rewind without a number lists them.")
    undone = await session.rewind(int(args))
    chat.screen.line(f"Undone: {counted(len(undone), 'turn')}. The message is in the prompt.", "good")
    chat.draft = texts.get(int(args), "")


@registry.command("fork")
async def fork(chat: Chat, args: str) -> None:
    """Go on in a copy; this conversation stays as it is."""
    session = await chat.ready()
    await chat.current.adopt(await session.fork())
    chat.screen.line(f"You are in a copy now; /resume {session.id} goes back.", "good")
