"""Choosing by number: for plain terminals, screen readers and pipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lra.chat.picker.items import Item, Picked, Search, matches, merged
from lra.chat.table import rows

if TYPE_CHECKING:
    from lra.chat.app import Chat

_SHOWN = 15


async def choose_by_number(
    chat: Chat, title: str, items: Sequence[Item], *, search: Search | None, actions: Mapping[str, str]
) -> Picked | None:
    """List the items with numbers and ask for one; other words search."""
    shown = list(items)
    chat.screen.line(title, "title")
    while True:
        _list(chat, shown)
        # Esc is no key of a plain terminal, but whoever presses it means none.
        answer = "".join(char for char in await chat.ask(_question(actions)) if char.isprintable()).strip()
        if not answer:
            return None
        letter, _, number = answer.rpartition(" ")
        action = letter.strip()
        if number.isdecimal() and (not action or action in actions):
            if 1 <= int(number) <= min(len(shown), _SHOWN):
                return Picked(shown[int(number) - 1], action)
            chat.screen.line(f"There is no number {number} in the list.", "warning")
            continue
        if exact := [item for item in shown if item.key == answer]:
            return Picked(exact[0])
        shown = [item for item in items if matches(item, answer)]
        if search is not None:
            shown = merged(shown, await search(answer))
        if not shown:
            chat.screen.line(f"Nothing fits “{answer}”.")
            shown = list(items)


def _list(chat: Chat, items: Sequence[Item]) -> None:
    table = [(str(number), f"{item.text}  {item.note}".rstrip()) for number, item in enumerate(items[:_SHOWN], 1)]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    if len(items) > _SHOWN:
        chat.screen.line(f"  and {len(items) - _SHOWN} more; words search in all.", "dim")


def _question(actions: Mapping[str, str]) -> str:
    letters = "".join(f", {letter} N {label}" for letter, label in actions.items())
    return f"Number{letters}, words to search, or Enter for none: "
