"""Commands about what is remembered: browse, search, mark, edit, remember, forget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from lra.chat.agreeing import agreed
from lra.chat.commands import memory_marks
from lra.chat.commands.editing import edit_line
from lra.chat.commands.registry import registry
from lra.chat.picker import Item, pick
from lra.chat.table import ago, rows
from lra.chat.width import cells, clip, fold
from lra.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.memory import Memory, Write
    from lra.store import MemoryRecord

_SHOWN = 20
_BROWSED = 500
_CHOICES = 8
_ASKED = 80
"""Columns of a memory that stand in a question about it."""
_ACTIONS = {"e": "edits", "d": "forgets", "p": "pins", "t": "tags", "h": "shows its history"}


@registry.command("memory", "[WORDS|blame ID|…]", during_turn=True, completes=("search", *memory_marks.VERBS))
async def show_memory(chat: Chat, args: str) -> None:
    """Browse and edit memories; with words, search for them.

    /memory history ID shows what a memory was before, and blame ID what wrote it; pin ID, unpin ID and tag ID TAG -TAG
    mark one; undo takes the last write back; asof DATE shows what held then, and diff DATE DATE what changed.

    To search for words of which the first is one of these, such as undo, write /memory search WORDS.
    """
    memory = (await chat.ready()).runtime.memory
    verb, _, words = args.partition(" ")
    if verb.lower() == "search" and words.strip():
        args = words.strip()
    elif args and await memory_marks.run(chat, memory, args):
        return
    if args:
        await _search(chat, memory, args)
        return
    if chat.scripted:
        records = await memory.find(limit=_SHOWN)
        for line in rows(
            [(record.kind, f"{record.content}  ({record.id})") for record in records], chat.screen.columns
        ):
            chat.screen.line(line)
        if records:
            return
    start = 0
    while records := await memory.find(limit=_BROWSED):
        picked = await _browse(chat, memory, records, start)
        if picked is None:
            return
        record, action = picked
        # The next key is for the same memory, or for the one in its place.
        start = next((number for number, each in enumerate(records) if each.id == record.id), 0)
        if action == "e":
            await _edit(chat, memory, record)
        elif action == "d":
            await forget_one(chat, record.id, record.content)
        elif action == "p":
            await (memory_marks.unpin if record.pin else memory_marks.pin)(chat, memory, [record.id])
        elif action == "t":
            await memory_marks.ask_tags(chat, memory, record)
        elif action == "h":
            await memory_marks.blame(chat, memory, [record.id])
        else:
            await _show(chat, memory, record)
            return
    chat.screen.line("Nothing is remembered yet. Tell something with /remember TEXT, or just in the conversation.")


async def _search(chat: Chat, memory: Memory, words: str) -> None:
    hits = await memory.search(words, scope="memories", limit=_SHOWN)
    for line in rows([(hit.kind, f"{hit.content}  ({hit.id})") for hit in hits], chat.screen.columns):
        chat.screen.line(line)
    if not hits:
        chat.screen.line(f"Nothing remembered fits “{clip(words, 80)}”.")


async def _browse(
    chat: Chat, memory: Memory, records: Sequence[MemoryRecord], start: int
) -> tuple[MemoryRecord, str] | None:
    known = {record.id: record for record in records}

    async def search(words: str) -> list[Item]:
        hits = await memory.search(words, scope="memories", limit=_SHOWN)
        for hit in hits:
            if hit.id not in known:
                known[hit.id] = await memory.get(hit.id)
        return [_item(known[hit.id]) for hit in hits]

    async def preview(item: Item) -> Sequence[str]:
        record = known[item.key]
        return [*fold(record.content, chat.screen.columns - 8).split("\n")[:3], _origin(record)]

    items = [_item(record) for record in records]
    picked = await pick(
        chat, "Memory", items, search=search, preview=preview, actions=_ACTIONS, start=min(start, len(items) - 1)
    )
    return (known[picked.item.key], picked.action) if picked else None


def _item(record: MemoryRecord) -> Item:
    pinned = "pinned, " if record.pin else ""
    return Item(record.id, record.content, f"{pinned}{record.kind}, {ago(record.created_at)}")


def _origin(record: MemoryRecord) -> str:
    from lra.store.records import AUTHORS

    parts = [record.id, record.kind, f"written by {AUTHORS.get(record.source, record.source)} {ago(record.created_at)}"]
    if record.key:
        parts.append(f"about {record.key}")
    if record.count > 1:
        parts.append(f"told {record.count} times")
    if record.pin:
        parts.append("pinned")
    parts += [f"#{tag}" for tag in record.tags]
    if record.session_id:
        parts.append(f"in {record.session_id}")
    return ", ".join(parts)


async def _show(chat: Chat, memory: Memory, record: MemoryRecord) -> None:
    chat.screen.line(record.content)
    chat.screen.line(f"  {_origin(record)}", "dim")
    for change in await memory.history(record.id):
        if change.action != "created":
            chat.screen.line(f"  {change.what} {ago(change.at)} by {change.by}: {clip(change.content, 200)}", "dim")


async def _edit(chat: Chat, memory: Memory, record: MemoryRecord) -> None:
    text = await edit_line(chat, "Edit", record.content)
    if not text or text == record.content:
        chat.screen.line("Nothing was changed.")
        return
    written = await _asking(chat, lambda allowed: memory.edit(record.id, text, allow_secret=allowed))
    if written is None:
        chat.screen.line("Nothing was changed.")
        return
    chat.screen.line(f"✎ now “{clip(written.record.content, 200)}” ({record.id})", "memory")


async def _asking(chat: Chat, write: Callable[[bool], Awaitable[Write]]) -> Write | None:
    """Run a write; when it would keep a secret, ask first. None when the person says no."""
    from lra.memory.secrets import SecretRefusedError, listed

    try:
        return await write(False)
    except SecretRefusedError as refused:
        keep = await agreed(chat, f"It seems to hold {listed(refused.kinds)}. Keep it in memory?")
        return await write(True) if keep else None


@registry.command("remember", "[--project] TEXT", during_turn=True)
async def remember(chat: Chat, args: str) -> None:
    """Keep something in memory as you wrote it; with --project only for the project of this folder."""
    mine, _, rest = args.partition(" ")
    project = mine == "--project"
    text = rest.strip() if project else args
    if not text:
        raise UsageError("There is nothing to remember.", hint="Write it after the command: /remember TEXT")
    session = await chat.ready()
    memory = session.runtime.memory
    space = await memory.project() if project else "default"
    written = await _asking(
        chat,
        lambda allowed: memory.remember(text, session_id=session.id, namespace=space, allow_secret=allowed),
    )
    if written is None:
        chat.screen.line("Nothing was remembered.")
        return
    verb = {"merged": "already knew", "superseded": "now knows"}.get(written.action, "remembered")
    back = " · /memory undo takes it back"
    chat.screen.line(f"✎ {verb} “{clip(written.record.content, 200)}” ({written.record.id}){back}", "memory")
    for before in written.replaced:
        chat.screen.line(f"  no longer “{clip(before.content, 200)}”", "dim")
    from lra.memory.telling import contradiction

    for other in written.contradicts:
        chat.screen.line(f"! {contradiction(written.record, other)}", "warning")


@registry.command("forget", "ID|WORDS", during_turn=True, completes="memories")
async def forget(chat: Chat, args: str) -> None:
    """Erase a memory for good, after showing it; where none fits, a message that was only said."""
    if not args:
        raise UsageError("Say what to forget:", hint="/forget ID, or /forget WORDS")
    found = await _candidates((await chat.ready()).runtime.memory, args)
    if not found:
        chat.screen.line(f"Nothing that is remembered or was said fits “{clip(args, 80)}”.")
        return
    chosen: Item | None = found[0]
    if len(found) > 1:
        picked = await pick(chat, "Forget which", found)
        chosen = picked.item if picked else None
    if chosen is None:
        chat.screen.line("Nothing was forgotten.")
        return
    await forget_one(chat, chosen.key, chosen.text, typed=(f"/forget {args}", f"/memory {args}"))


async def _candidates(memory: Memory, words: str) -> list[Item]:
    if " " not in words:
        try:
            return [_item(await memory.get(words))]
        except NotFoundError:
            pass
    from lra.memory.secrets import MARK

    kept = await memory.search(words, scope="memories", limit=_CHOICES)
    # Of what was only said, what holds a secret is always offered; the rest where nothing is remembered.
    said = await memory.search(words, scope="turns", limit=_CHOICES)
    said = [hit for hit in said if not kept or MARK in hit.content]
    return [
        *(Item(hit.id, hit.content, hit.kind) for hit in kept),
        *(Item(hit.id, hit.content, f"said in a conversation {hit.created_at[:10]}") for hit in said),
    ]


async def forget_one(chat: Chat, memory_id: str, content: str, *, typed: Sequence[str] = ()) -> bool:
    """Erase a memory after asking, and say what went with it; tells whether it was erased.

    Args:
        chat: Where to ask.
        memory_id: Which memory.
        content: Its text.
        typed: What was typed to find it, and may name it as well as its own words do.
    """
    session = await chat.ready()
    memory = session.runtime.memory
    plan = await memory.eraser.plan([memory_id], files=[chat.settings.home / "history"], typed=typed)
    if cells(content) > _ASKED:
        chat.screen.line(f"  “{clip(content, 400)}”")
    also = ", with what it replaced or led to," if plan.also else ""
    if not await agreed(chat, f"Forget “{clip(content, _ASKED)}”{also} for good?"):
        chat.screen.line("Nothing was forgotten.")
        return False
    forgotten = await memory.forget_planned(plan)
    await session.refresh()
    for text in dict.fromkeys([*(target.content for target in plan.erasure.targets), *typed]):
        chat.forget_typed(text)
    done, *more = forgotten.sentences("Forgotten.", find="/sessions WORDS")
    chat.screen.line(done, "good")
    for line in [*more, *forgotten.receipt.sentences()]:
        chat.screen.line(line, "dim")
    if not forgotten.receipt.complete:
        chat.screen.line("Something is left. The next start of lra finishes it.", "warning")
    return True
