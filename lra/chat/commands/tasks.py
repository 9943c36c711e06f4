"""Tasks: list, add, and say how far they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.table import rows
from lra.chat.width import clip
from lra.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.store import StructuredMemoryStore
    from lra.store.records import TaskRecord

_MARKS = {"pending": "[ ]", "in_progress": "[~]", "done": "[x]", "cancelled": "[-]"}
_VERBS = {"done": "done", "start": "in_progress", "cancel": "cancelled", "reopen": "pending"}
_OPEN = frozenset({"pending", "in_progress"})
_LISTED = "/tasks all lists them with their numbers."


@registry.command("tasks", "[add TITLE|done N|…]", during_turn=True, completes=("all", "add", *_VERBS))
async def tasks(chat: Chat, args: str) -> None:
    """List the tasks; add one, or say how far one is.

    /tasks all shows finished ones too; /tasks add TITLE adds one; /tasks done N, start N, cancel N and reopen N say
    how far it is. N is the number in the list, or the task's id.
    """
    store = (await chat.ready()).runtime.store
    verb, _, rest = args.partition(" ")
    verb, rest = verb.lower(), rest.strip()
    if verb == "add":
        if not rest:
            raise UsageError("Write the task after the command: /tasks add TITLE")
        session = await chat.ready()
        task = await store.tasks.create(rest, session_id=session.id)
        chat.screen.line(f"{_MARKS[task.status]} {clip(task.title, 200)} ({task.id})", "good")
    elif verb in _VERBS:
        if not rest:
            raise UsageError(f"Say which: /tasks {verb} N", hint="/tasks lists them with their numbers.")
        task = await _named(store, rest)
        task = await store.tasks.update(task.id, status=_VERBS[verb])
        chat.screen.line(f"{_MARKS[task.status]} {clip(task.title, 200)}: {task.status.replace('_', ' ')}.", "good")
    elif verb in {"", "all"} and not rest:
        await _show(chat, store, everything=verb == "all")
    else:
        raise UsageError(
            f"/tasks does not know {clip(args, 40)!r}.",
            hint="Write all, add TITLE, done N, start N, cancel N or reopen N.",
        )


async def _show(chat: Chat, store: StructuredMemoryStore, *, everything: bool) -> None:
    found = await store.tasks.find()
    table = [
        (str(number), _MARKS[task.status], task.id, task.title)
        for number, task in enumerate(found, 1)
        if everything or task.status in _OPEN
    ]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    if hidden := len(found) - len(table):
        chat.screen.line(f"{hidden} {'is' if hidden == 1 else 'are'} done or cancelled; /tasks all shows them.", "dim")
    elif not found:
        chat.screen.line("There are no tasks. Ask for one in the conversation, or write /tasks add TITLE.")


async def _named(store: StructuredMemoryStore, name: str) -> TaskRecord:
    found = await store.tasks.find()
    # The number is the task's place among all, so that it does not change while others are finished.
    if not name.isdecimal():
        try:
            return await store.tasks.get(name)
        except NotFoundError as error:
            raise NotFoundError(error.message, hint=_LISTED) from None
    if len(name) < 6 and 1 <= int(name) <= len(found):
        return found[int(name) - 1]
    # Digits are never the beginning of an id: "done 7" must not finish the one task whose id begins with a 7.
    for task in found:
        if task.id == name:
            return task
    raise NotFoundError(f"There is no task {clip(name, 40)!r}.", hint=_LISTED)
