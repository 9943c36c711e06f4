"""What `/memory` does with one memory: shows its history and origin, pins and tags it, takes the last write back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from lra.chat.commands.editing import edit_line
from lra.chat.table import ago, rows
from lra.chat.width import clip
from lra.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.memory import Memory
    from lra.store import MemoryRecord

_SHOWN = 200
_LISTED = 50
_FIELDS = {"pin": "whether it is pinned", "tags": "its tags"}
"""What of a memory can be marked, in words."""


async def run(chat: Chat, memory: Memory, args: str) -> bool:
    """Do what the first word says; tells whether it is a word that says something.

    Args:
        chat: Where to show it.
        memory: The memory.
        args: What follows `/memory`.

    Raises:
        UsageError: What follows the word is not what it takes.
        NotFoundError: There is no such memory.
    """
    first, *rest = args.split()
    verb = first.lower()
    if verb not in VERBS:
        return False
    counts, takes, work = VERBS[verb]
    hint = f"Words are searched for with /memory search {clip(args, 80)}"
    if len(rest) not in counts:
        raise UsageError(f"/memory {verb} takes {takes}.", hint=hint)
    if verb in _OF_ONE:
        try:
            await memory.get(rest[0])
        except NotFoundError as error:
            raise NotFoundError(
                f"/memory {verb} takes {takes}: {error.message}", hint=f"/memory WORDS finds the id. {hint}"
            ) from None
    await work(chat, memory, rest)
    return True


async def history(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Show every change of a memory."""
    record = await memory.get(args[0])
    for change in await memory.history(record.id):
        undone = ", taken back" if change.undone else ""
        chat.screen.line(f"  {change.what} {ago(change.at)} by {change.by}{undone}: {clip(change.content, _SHOWN)}")
    for before in await memory.store.memories.replaced(record.id):
        chat.screen.line(f"  in the place of: {clip(before.content, _SHOWN)} ({before.id})")


async def blame(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Show which turn, tool call and process wrote a memory."""
    from lra.memory.origins import origins

    record = await memory.get(args[0])
    for origin in await origins(memory.store, record.id):
        for line in origin.sentences(ago(origin.change.at)):
            chat.screen.line(clip(line, 400))


async def pin(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Keep a memory before the others."""
    _say(chat, "pinned", await memory.pin(args[0]))


async def unpin(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Let a memory be one among the others again."""
    _say(chat, "no longer pinned", await memory.pin(args[0], False))


async def tag(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Add tags to a memory; those with a minus go."""
    wanted = await memory.get(args[0])
    words = [word for part in args[1:] for word in part.split(",")]
    added = [word for word in words if not word.startswith("-")]
    removed = [word.lstrip("-") for word in words if word.startswith("-")]
    record = await memory.tag(wanted.id, added, removed)
    _say(chat, f"tagged {' '.join(f'#{word}' for word in record.tags) or 'with nothing'}:", record)


async def ask_tags(chat: Chat, memory: Memory, record: MemoryRecord) -> None:
    """Let the person change a memory's tags."""
    from lra.memory.tags import tags_in

    text = await edit_line(chat, "Tags", " ".join(record.tags))
    if not text:
        return
    words = tags_in(text.split())
    changed = await memory.tag(record.id, words, [word for word in record.tags if word not in words])
    _say(chat, f"tagged {' '.join(f'#{word}' for word in changed.tags) or 'with nothing'}:", changed)


async def undo(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Take back the last write."""
    back = await memory.undo()
    for one in back:
        verb = {"removed": "no longer remembered", "restored": "back to what it was"}.get(one.action, "kept")
        if one.fields:
            whats = " and ".join(_FIELDS.get(name, name) for name in one.fields)
            verb = f"{whats} {'are' if whats.endswith('tags') else 'is'} as before"
        chat.screen.line(f"✎ {verb}: “{clip(one.content, _SHOWN)}” ({one.id})", "memory")
    if not back:
        chat.screen.line("There is no write to take back.")
    await chat.look()


async def asof(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Show what held at a moment."""
    records = await memory.store.timeline.at(_moment(args[0]))
    for line in rows([(record.kind, f"{record.content}  ({record.id})") for record in records], chat.screen.columns):
        chat.screen.line(line)
    if not records:
        chat.screen.line("Nothing was remembered then.")


async def diff(chat: Chat, memory: Memory, args: Sequence[str]) -> None:
    """Show what changed between two moments."""
    changes = await memory.store.timeline.between(_moment(args[0]), _moment(args[1]))
    for change in changes[:_LISTED]:
        if change.before is not None:
            chat.screen.line(f"- {clip(change.before.content, _SHOWN)}  ({change.before.id})")
        if change.after is not None:
            chat.screen.line(f"+ {clip(change.after.content, _SHOWN)}  ({change.after.id})")
    if len(changes) > _LISTED:
        chat.screen.line(f"… and {len(changes) - _LISTED} more", "dim")
    if not changes:
        chat.screen.line("Nothing changed between the two.")


def _moment(text: str) -> int:
    from lra.store.clock import parse_moment

    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        hint = "Write it as 2026-01-31, 2026-01-31T18:00, today or yesterday."
        raise UsageError(f"“{clip(text, 40)}” is no date or time.", hint=hint) from None


def _say(chat: Chat, verb: str, record: MemoryRecord) -> None:
    chat.screen.line(f"✎ {verb} “{clip(record.content, _SHOWN)}” ({record.id})", "memory")


_Verb = Callable[["Chat", "Memory", Sequence[str]], Awaitable[None]]
_ANY = range(2, 20)
_ID = "the id of a memory"
VERBS: dict[str, tuple[Sequence[int], str, _Verb]] = {
    "history": ((1,), _ID, history),
    "blame": ((1,), _ID, blame),
    "pin": ((1,), _ID, pin),
    "unpin": ((1,), _ID, unpin),
    "tag": (_ANY, f"{_ID} and tags", tag),
    "undo": ((0,), "nothing more", undo),
    "asof": ((1,), "a date", asof),
    "diff": ((2,), "two dates", diff),
}
"""How many words each takes, what they are, and what it does."""
_OF_ONE = frozenset({"history", "blame", "pin", "unpin", "tag"})
