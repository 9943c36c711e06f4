"""Commands about what is remembered: memories and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.table import ago, rows
from lra.chat.width import clip
from lra.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat

_SHOWN = 20
_CHOICES = 5


@registry.command("memory", "[WORDS]")
async def show_memory(chat: Chat, args: str) -> None:
    """Search the memories, or show the latest."""
    memory = (await chat.ready()).runtime.memory
    if args:
        found = [(hit.id, hit.kind, hit.content) for hit in await memory.search(args, scope="memories", limit=_SHOWN)]
        nothing = f"Nothing remembered fits “{args}”."
    else:
        records = await memory.find(limit=_SHOWN)
        found = [(record.id, record.kind, f"{record.content}  ({ago(record.created_at)})") for record in records]
        nothing = "Nothing is remembered yet. Tell something with /remember TEXT, or just in the conversation."
    for line in rows(found, chat.screen.columns):
        chat.screen.line(line)
    if not found:
        chat.screen.line(nothing)


@registry.command("remember", "TEXT")
async def remember(chat: Chat, args: str) -> None:
    """Keep something in memory as you wrote it."""
    if not args:
        raise UsageError("There is nothing to remember.", hint="Write it after the command: /remember TEXT")
    session = await chat.ready()
    written = await session.runtime.memory.remember(args, session_id=session.id)
    verb = {"merged": "already knew", "superseded": "now knows"}.get(written.action, "remembered")
    chat.screen.line(f"✎ {verb} “{clip(written.record.content, 200)}” ({written.record.id})", "memory")


@registry.command("forget", "ID|WORDS")
async def forget(chat: Chat, args: str) -> None:
    """Erase a memory for good, after showing it."""
    if not args:
        raise UsageError("Say what to forget:", hint="/forget ID, or /forget WORDS")
    memory = (await chat.ready()).runtime.memory
    found = await _candidates(chat, args)
    if not found:
        chat.screen.line(f"Nothing remembered fits “{args}”.")
        return
    if len(found) == 1:
        chat.screen.line(f"  “{clip(found[0][1], 400)}”")
        answer = await chat.ask("Forget this for good? [y/N] ")
        chosen = found[0] if answer.lower() in {"y", "yes"} else None
    else:
        table = [(str(number), content) for number, (_id, content) in enumerate(found, 1)]
        for line in rows(table, chat.screen.columns):
            chat.screen.line(line)
        answer = await chat.ask(f"Forget which for good? [1-{len(found)}, N] ")
        chosen = found[int(answer) - 1] if answer.isdecimal() and 1 <= int(answer) <= len(found) else None
    if chosen is None:
        chat.screen.line("Nothing was forgotten.")
        return
    _, forgotten = await memory.erase(chosen[0])
    # What was typed to find it may name it as well as its own words do.
    for typed in (chosen[1], f"/forget {args}", f"/memory {args}"):
        chat.forget_typed(typed)
    done, *more = forgotten.sentences("Forgotten.", find="/memory …")
    chat.screen.line(done, "good")
    for line in more:
        chat.screen.line(line, "dim")


async def _candidates(chat: Chat, words: str) -> list[tuple[str, str]]:
    memory = (await chat.ready()).runtime.memory
    if " " not in words:
        try:
            record = await memory.get(words)
        except NotFoundError:
            pass
        else:
            return [(record.id, record.content)]
    return [(hit.id, hit.content) for hit in await memory.search(words, scope="memories", limit=_CHOICES)]


@registry.command("tasks")
async def show_tasks(chat: Chat, args: str) -> None:
    """List the tasks that are open."""
    tasks = await (await chat.ready()).runtime.store.tasks.find()
    shown = [task for task in tasks if args == "all" or task.status in {"pending", "in_progress"}]
    table = [(task.id, task.status.replace("_", " "), task.title) for task in shown]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    if hidden := len(tasks) - len(shown):
        chat.screen.line(f"{hidden} more are done or cancelled; /tasks all shows them.", "dim")
    elif not tasks:
        chat.screen.line("There are no tasks. Ask for one in the conversation.")
