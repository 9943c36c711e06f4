"""Why an answer knew what it knew: the memories it was given, and how they were found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.memory import forget_one
from lra.chat.commands.registry import number_in, registry
from lra.chat.gist import gist
from lra.chat.queue import Message
from lra.chat.width import clip
from lra.errors import UsageError
from lra.events import RecalledMemory

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session

_SAID = frozenset({"turn"})
_SEARCHED = 50
_ASKS_MEMORY = frozenset({"search_memory", "get_recent_conversations"})


@registry.command("why", "[forget N]", during_turn=True, completes=("forget",))
async def why(chat: Chat, args: str) -> None:
    """Show what was recalled for the last answer; why it was, and a wrong one can be forgotten.

    /why forget N erases the memory with that number for good, after asking.
    """
    session = await chat.ready()
    verb, _, number = args.partition(" ")
    if args and (verb != "forget" or number_in(number.strip()) is None):
        raise UsageError(f"/why does not know {clip(args, 40)!r}.", hint="Write /why, or /why forget N.")
    message, memories = await _recalled(chat, session)
    if not message:
        chat.screen.line("Nothing has been answered in this conversation yet.")
    elif not memories:
        await _say_what_else(chat, session)
    elif args:
        await _forget(chat, memories, _numbered(memories, number.strip()))
    else:
        _show(chat, message, memories)
        await _ask(chat, memories)


async def _say_what_else(chat: Chat, session: Session) -> None:
    """Say where an answer came from when nothing was recalled for it."""
    store = session.runtime.store
    turn = next(turn for turn in reversed(await store.journal.turns(session.id)) if turn.outcome is not None)
    asked = [row for row in await store.journal.rows(session.id, turn_id=turn.id) if row.tool_name in _ASKS_MEMORY]
    if not asked:
        chat.screen.line("Nothing was recalled for the last answer: it came from this conversation and the model.")
        return
    chat.screen.line("Nothing was recalled before the last answer; the model looked in memory itself:", "memory")
    for row in asked:
        chat.screen.line(f"  {row.tool_name} → {clip(gist(row.content) or 'nothing', 200)}")


def _show(chat: Chat, message: str, memories: list[RecalledMemory]) -> None:
    chat.screen.line(f"Recalled for “{clip(message, 100)}”:", "memory")
    for number, memory in enumerate(memories, 1):
        chat.screen.line(f"{number:>3}  {clip(memory.content, 400)}")
        if memory.changed:
            chat.screen.line(f"     since changed: {clip(memory.changed, 400)}", "dim")
        chat.screen.line(f"     {signals(memory)}", "dim")


def signals(memory: RecalledMemory) -> str:
    """Return in a line what a memory is and by what it was found."""
    parts = []
    if "pinned" in memory.signals:
        parts.append("pinned: it comes with every message")
    if coverage := memory.signals.get("coverage"):
        parts.append(f"words fit {coverage:.0%}")
    if (cosine := memory.signals.get("cosine")) is not None:
        parts.append(f"meaning fits {max(0.0, cosine):.0%}")
    if "pinned" not in memory.signals and memory.signals:
        parts.append(f"score {memory.score:.2f}")
    if memory.kind in _SAID:
        parts.append(f"said in {memory.session}" if memory.session else "said earlier")
    else:
        parts.append(f"{memory.kind} {memory.id}")
    parts.append(memory.created_at[:10])
    return ", ".join(parts)


async def _ask(chat: Chat, memories: list[RecalledMemory]) -> None:
    if chat.scripted or all(memory.kind in _SAID for memory in memories):
        return
    while answer := (await chat.ask("Forget a wrong one by its number, or Enter: ")).strip():
        if number_in(answer) is None:
            # Whoever has read the list and goes on writing has a message, or a command.
            chat.pending.put(Message(answer))
            return
        try:
            memory = _numbered(memories, answer)
        except UsageError as error:
            chat.screen.line(str(error), "warning")
            continue
        await _forget(chat, memories, memory)
        return


def _numbered(memories: list[RecalledMemory], number: str) -> RecalledMemory:
    """Return a memory by its number in the list.

    Raises:
        UsageError: There is none, or it is no memory of its own.
    """
    place = number_in(number)
    if place is None or not 1 <= place <= len(memories):
        raise UsageError(f"There is no number {clip(number, 40)}.", hint="/why lists what was recalled.")
    memory = memories[place - 1]
    if memory.kind in _SAID:
        raise UsageError(
            "That was said in a conversation and is no memory of its own.",
            hint=f"/resume {memory.session} goes there; /rewind takes turns back." if memory.session else None,
        )
    return memory


async def _forget(chat: Chat, memories: list[RecalledMemory], memory: RecalledMemory) -> None:
    if await forget_one(chat, memory.id, memory.content):
        memories.remove(memory)


async def _recalled(chat: Chat, session: Session) -> tuple[str, list[RecalledMemory]]:
    """Return the last message and what was recalled for it."""
    store = session.runtime.store
    turns = await store.journal.turns(session.id)
    live: list[RecalledMemory] | None = getattr(chat.turns, "recalled", None)
    # An answer that is being written is the one that is meant, once something was recalled for it.
    if turns and turns[-1].outcome is None and not (live and chat.answering):
        turns.pop()
    if not turns:
        return "", []
    rows = await store.journal.rows(session.id, turn_id=turns[-1].id)
    message = next((row.content for row in rows if row.role == "user"), "")
    ids = turns[-1].recalled
    if live and (turns[-1].outcome is None or [memory.id for memory in live] == ids):
        return message, live
    if not ids:
        return message, []
    # An earlier run of the program recalled it: the record knows what, and searching again says by what.
    hits = await session.runtime.memory.search(message, limit=_SEARCHED, exclude_session=session.id)
    found = {hit.id: hit.recalled() for hit in hits}
    for memory_id, record in (await store.memories.by_ids([i for i in ids if i not in found])).items():
        shape = record.to_dict()
        found[memory_id] = RecalledMemory(
            id=memory_id,
            kind=record.kind,
            content=record.content,
            created_at=shape["created_at"],
            score=0.0,
            signals={"pinned": 1.0} if record.pin else {},
            session=record.session_id,
        )
    return message, [found[memory_id] for memory_id in ids if memory_id in found]
