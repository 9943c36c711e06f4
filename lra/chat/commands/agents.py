"""Specialists: who there is, who works now, and what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import number_in, registry
from lra.chat.table import ago, rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.agent.specialists import Specialist
    from lra.chat.app import Chat
    from lra.session import Session
    from lra.store import SessionRecord


@registry.command("agents", "[NAME|N|stop NAME]", during_turn=True)
async def agents(chat: Chat, args: str) -> None:
    """List the specialists and what they did; with a name or a number, open one.

    /agents NAME shows a specialist whole; /agents N opens what one did in this conversation; /agents stop NAME ends
    one that works now, and what it has so far goes back to the agent.
    """
    session = await chat.ready()
    first, _, rest = args.partition(" ")
    if first == "stop":
        _stop(chat, session, rest.strip())
    elif (number := number_in(args)) is not None:
        await _open(chat, session, number)
    elif args:
        _describe(chat, session, args)
    else:
        await _list(chat, session)


async def _list(chat: Chat, session: Session) -> None:
    specialists = session.delegation.specialists.values()
    table = [(each.name, each.source, each.model or "", each.description) for each in specialists]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    work = await session.runtime.store.sessions.below(session.id)
    running = {each.session for each in session.delegation.running.values()}
    if work:
        chat.screen.line("In this conversation:", "title")
        done = [
            (str(number), record.agent, "works now" if record.id in running else ago(record.updated_at), record.title)
            for number, record in enumerate(work, 1)
        ]
        for line in rows(done, chat.screen.columns):
            chat.screen.line(line)
        chat.screen.line("/agents N opens one" + (", /agents stop NAME ends one." if running else "."), "dim")


def _describe(chat: Chat, session: Session, name: str) -> None:
    specialist: Specialist | None = session.delegation.specialists.get(name)
    if specialist is None:
        known = ", ".join(session.delegation.specialists)
        raise UsageError(f"There is no specialist {clip(name, 40)!r}.", hint=f"There are: {known}.")
    tools = "all but handing tasks on" if specialist.tools is None else ", ".join(_names(specialist)) or "none"
    limits = f"{specialist.max_requests} requests, {specialist.max_seconds:g} seconds"
    about = [
        ("name", specialist.name),
        ("from", str(specialist.path or specialist.source)),
        ("called by", specialist.tool),
        ("model", specialist.model or "that of the conversation"),
        ("tools", tools),
        ("limits", limits),
    ]
    for line in rows(about, chat.screen.columns, whole=True):
        chat.screen.line(line)
    chat.screen.line()
    for line in (specialist.description + "\n\n" + specialist.instructions).splitlines():
        chat.screen.line(line)


def _names(specialist: Specialist) -> list[str]:
    return [tool if isinstance(tool, str) else tool.__name__ for tool in specialist.tools or ()]


async def _open(chat: Chat, session: Session, number: int) -> None:
    record = await _numbered(session, number)
    store = session.runtime.store
    chat.screen.line(f"{record.agent} · session {record.id}", "title")
    for row in await store.journal.rows(record.id):
        if row.role == "tool":
            chat.screen.line(f"⚙ {row.tool_name} → {clip(row.content, chat.screen.columns - 20)}", "tool")
        elif row.content:
            mark = "> " if row.role == "user" else ""
            for line in row.content.splitlines():
                chat.screen.line(mark + line)
                mark = "  " if row.role == "user" else ""
    for turn in await store.journal.turns(record.id):
        if turn.outcome not in {None, "completed"}:
            # What was only stopped has no other reason.
            why = "" if (turn.error or "").rstrip(".").lower() == turn.outcome else turn.error or ""
            chat.screen.line(f"{turn.outcome}: {why}".rstrip(": "), "warning")


async def _numbered(session: Session, number: int) -> SessionRecord:
    work = await session.runtime.store.sessions.below(session.id)
    if not 1 <= number <= len(work):
        hint = f"/agents shows the {len(work)} there are." if work else ""
        raise UsageError(f"No specialist did anything under number {number} here.", hint=hint)
    return work[number - 1]


def _stop(chat: Chat, session: Session, which: str) -> None:
    running = list(session.delegation.running.values())
    if not running:
        raise UsageError("No specialist works now.")
    found = [each for each in running if which in {each.name, each.session}]
    if not which and len(running) == 1:
        found = running
    if not found:
        names = ", ".join(each.name for each in running)
        raise UsageError(f"Say which: /agents stop {running[0].name}", hint=f"At work: {names}.")
    for each in found:
        each.stop()
        chat.screen.line(f"{each.name} is stopped; the agent is given what it has so far.", "good")
