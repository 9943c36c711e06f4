"""Commands that go from one conversation to another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lra.chat.commands.registry import number_in, registry
from lra.chat.picker import Item, pick
from lra.chat.recap import bare
from lra.chat.table import ago, counted, rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session
    from lra.store import SessionRecord
    from lra.store.session_search import SessionMatch

_LISTED = 15
_OFFERED = 300
_FOUND = 20
_PREVIEW_LINES = 4


@registry.command("new")
async def new(chat: Chat, args: str) -> None:
    """Start a new conversation; this one is kept."""
    await chat.current.switch()
    chat.screen.line("A new conversation. Memory is the same.", "good")


@registry.command("resume", "[ID]", completes="sessions")
async def resume(chat: Chat, args: str) -> None:
    """Go back to an earlier conversation; without an id, choose one.

    What you type while choosing is looked for in the titles and in everything that was said.
    """
    session = await chat.ready()
    if not args:
        args = await _choose(chat, session)
        if not args:
            return
    record = await session.runtime.store.sessions.resolve(args)
    if record.id == session.id:
        chat.screen.line("That conversation is this one.")
        return
    await chat.current.switch(resume=record.id)


async def _choose(chat: Chat, session: Session) -> str:
    store = session.runtime.store
    others = [r for r in await store.sessions.find(limit=_OFFERED) if r.id != session.id and r.turns]
    if not others:
        chat.screen.line("There is no other conversation yet.")
        return ""
    places: dict[str, int | None] = {}

    async def search(words: str) -> list[Item]:
        found = [match for match in await _found(session, words) if match.session.id != session.id]
        places.update({match.session.id: match.seq for match in found})
        return [Item(match.session.id, _titled(match), _about(match.session)) for match in found]

    async def preview(item: Item) -> Sequence[str]:
        lines = []
        for line in await store.sessions.preview(item.key, _PREVIEW_LINES, around=places.get(item.key)):
            said = line.text if line.role == "user" else "\n".join(bare(line.text, chat.screen.columns))
            lines.append(("> " if line.role == "user" else "  ") + clip(said, 300))
        return lines

    items = [Item(record.id, record.title or "untitled", _about(record)) for record in others]
    picked = await pick(chat, "Resume", items, search=search, preview=preview)
    return picked.item.key if picked else ""


async def _found(session: Session, words: str) -> list[SessionMatch]:
    """Return conversations: first those that hold the words, the last of which may be unfinished, then what is near."""
    from lra.memory.secrets import repeatable
    from lra.store.session_search import SessionMatch

    store = session.runtime.store
    found = {match.session.id: match for match in await store.sessions.search(words, limit=_FOUND)}
    near = await session.runtime.memory.search(words, scope="sessions", limit=_FOUND) if len(found) < _FOUND else []
    for hit in near:
        if hit.id not in found and len(found) < _FOUND:
            record = await store.sessions.get(hit.id)
            found[hit.id] = SessionMatch(session=record, snippet=hit.content, role=None, at=record.updated_at, seq=None)
    told = [match for match in found.values() if match.session.turns]
    return await asyncio.to_thread(lambda: [replace(match, snippet=repeatable(match.snippet)) for match in told])


def _titled(match: SessionMatch) -> str:
    title = match.session.title or "untitled"
    return f"{title}: {match.snippet}" if match.snippet and match.snippet != title else title


def _about(record: SessionRecord) -> str:
    return f"{counted(record.turns, 'turn')}, {ago(record.updated_at)}"


@registry.command("sessions", "[WORDS]", during_turn=True)
async def sessions(chat: Chat, args: str) -> None:
    """List conversations; with words, those in which they were said."""
    session = await chat.ready()
    store = session.runtime.store
    if args:
        table = [
            ("*" if match.session.id == session.id else " ", match.session.id, _titled(match))
            for match in await _found(session, args)
        ]
        if not table:
            chat.screen.line(f"In no conversation was anything said about “{clip(args, 80)}”.")
            return
    else:
        found = await store.sessions.find(limit=_LISTED)
        table = [
            (
                "*" if record.id == session.id else " ",
                record.id,
                f"{record.title or 'untitled'}  ({_about(record)})",
            )
            for record in found
            if record.turns or record.id == session.id
        ]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    here = any(mark == "*" for mark, *_ in table)
    chat.screen.line("* is this one; /resume ID goes to another." if here else "/resume ID goes to one.", "dim")


@registry.command("rename", "TITLE", during_turn=True)
async def rename(chat: Chat, args: str) -> None:
    """Give this conversation a title."""
    if not args:
        raise UsageError("Write the title after the command: /rename TITLE")
    session = await chat.ready()
    await session.rename(clip(args, 200))
    chat.screen.line(f"This conversation is now called “{clip(session.title, 100)}”.", "good")


@registry.command("fork", "[N]")
async def fork(chat: Chat, args: str) -> None:
    """Go on in a copy; this conversation stays as it is.

    With a number, the copy ends with turn N.
    """
    session = await chat.ready()
    turns = await session.runtime.store.journal.turns(session.id)
    if not turns:
        raise UsageError("There is nothing to copy yet.", hint="/new starts another conversation.")
    until = number_in(args)
    if args and until not in {turn.number for turn in turns}:
        raise UsageError(f"This conversation has no turn {clip(args, 40)}.", hint="/rewind shows them all.")
    await chat.current.adopt(await session.fork(until=until))
    chat.screen.line(f"You are in a copy now; /resume {session.id} goes back.", "good")
