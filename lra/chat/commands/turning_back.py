"""Commands that take turns back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lra.chat.commands.registry import line_for, number_in, registry
from lra.chat.picker import Item, pick
from lra.chat.table import counted, rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session
    from lra.session.undo import Undone

_ATTACHED = re.compile(r"\n\n\[attached: [^\n]*\]\Z")
_ACTIONS = {"a": "also takes back what it wrote"}


@registry.command("undo", instead="/rewind N undoes turn N and all after it.")
async def undo(chat: Chat, args: str) -> None:
    """Undo the last turn with all it wrote in memory and tasks; its message comes back to the prompt.

    A / behind it begins a command, such as a further /undo; Up brings the message again.
    """
    session = await chat.ready()
    if not await session.runtime.store.journal.turns(session.id):
        chat.screen.line("There is nothing to undo.")
        return
    _say(chat, await session.undo())


@registry.command("rewind", "[N] [all]")
async def rewind(chat: Chat, args: str) -> None:
    """Undo turn N and all after it; without a number, choose the turn.

    The memories and tasks these turns wrote stay; with all, they are taken back too.
    """
    session = await chat.ready()
    first, _, rest = args.partition(" ")
    number = number_in(first)
    if args and (number is None or rest.strip() not in {"", "all"}):
        raise UsageError(f"{clip(args, 40)!r} is no turn number.", hint="/rewind without a number lists them.")
    everything = rest.strip() == "all"
    if number is None:
        chosen = await _choose(chat, session)
        if chosen is None:
            return
        number, everything = chosen
    would = await session.rewind_preview(number)
    undone = await session.rewind(number, also_written=everything)
    _say(chat, undone if everything else _without_writing(undone))
    if not everything and (would.memories or would.tasks):
        chat.screen.line("  What these turns wrote to memory and tasks stays.", "dim")


def _without_writing(undone: Undone) -> Undone:
    """Leave out the calls that wrote what stays: they are not what cannot be undone."""
    from lra.session.undo import TAKEN_BACK

    return replace(undone, tools=[tool for tool in undone.tools if tool.name not in TAKEN_BACK])


async def _choose(chat: Chat, session: Session) -> tuple[int, bool] | None:
    store = session.runtime.store
    numbers = {turn.id: turn.number for turn in await store.journal.turns(session.id)}
    said: dict[int, str] = {}
    for row in await store.journal.rows(session.id):
        if row.role == "user" and row.turn_id in numbers:
            said.setdefault(numbers[row.turn_id], row.content)
    if not said:
        chat.screen.line("There is nothing to undo.")
        return None
    if chat.scripted:
        for line in rows([(str(number), said[number]) for number in sorted(said)], chat.screen.columns):
            chat.screen.line(line)
        chat.screen.line("/rewind N undoes turn N and all after it.", "dim")
        return None

    async def preview(item: Item) -> Sequence[str]:
        undone = await session.rewind_preview(int(item.key))
        turns = f"Undoes {counted(len(undone.turns), 'turn')}."
        return [turns, *(f"With a: {line}" if _written(line) else line for line in undone.sentences(done=False))]

    items = [Item(str(number), said[number], number=str(number)) for number in sorted(said, reverse=True)]
    picked = await pick(chat, "Undo from", items, preview=preview, actions=_ACTIONS)
    return (int(picked.item.key), picked.action == "a") if picked else None


def _written(sentence: str) -> bool:
    return sentence.startswith(("memory ", "task "))


def _say(chat: Chat, undone: Undone) -> None:
    first = undone.turns[0]
    which = f"turn {first.number}" if len(undone.turns) == 1 else f"turns {first.number} to {undone.turns[-1].number}"
    chat.screen.line(f"Undone: {counted(len(undone.turns), 'turn')} ({which}).{_where(chat)}", "good")
    for sentence in undone.sentences():
        chat.screen.line(f"  {sentence}", "warning" if sentence.startswith("cannot") else "dim")
    # The record names what went along; the words in the message do so already.
    chat.draft = line_for(_ATTACHED.sub("", first.text))


def _where(chat: Chat) -> str:
    """Say where the message is now."""
    if chat.screen.plain:
        return ""
    return " Up brings its message back." if chat.reader.commanding else " The message is in the prompt."
