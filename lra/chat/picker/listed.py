"""Choosing by number: for plain terminals, screen readers and pipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lra.chat.picker.items import Item, Picked, Preview, Search, matches, merged
from lra.chat.table import rows

if TYPE_CHECKING:
    from lra.chat.app import Chat

_SHOWN = 15
_SHOWS = "?"


async def choose_by_number(
    chat: Chat,
    title: str,
    items: Sequence[Item],
    *,
    search: Search | None,
    preview: Preview | None,
    actions: Mapping[str, str],
) -> Picked | None:
    """List the items with numbers and ask for one; other words search."""
    shown = list(items)
    letters = {**actions, _SHOWS: "says more"} if preview is not None else actions
    chat.screen.line(title, "title")
    while True:
        _list(chat, shown)
        # Esc is no key of a plain terminal, but whoever presses it means none.
        answer = "".join(char for char in await chat.ask(_question(letters)) if char.isprintable()).strip()
        if not answer:
            return None
        letter, _, number = answer.rpartition(" ")
        action = letter.strip()
        if number.isdecimal() and (not action or action in letters):
            item = _numbered(shown).get(number)
            if item is None:
                chat.screen.line(f"There is no number {number} in the list.", "warning")
            elif action == _SHOWS and preview is not None:
                for line in await preview(item):
                    chat.screen.line(f"  {line}")
            else:
                return Picked(item, action)
            continue
        if exact := [item for item in shown if item.key == answer]:
            return Picked(exact[0])
        shown = [item for item in items if matches(item, answer)]
        if search is not None:
            shown = merged(shown, await search(answer))
        if not shown:
            chat.screen.line(f"Nothing fits “{answer}”.")
            shown = list(items)


def _numbered(items: Sequence[Item]) -> dict[str, Item]:
    return {item.number or str(place): item for place, item in enumerate(items[:_SHOWN], 1)}


def _list(chat: Chat, items: Sequence[Item]) -> None:
    table = [
        (number, f"{item.text} ({item.note})" if item.note else item.text) for number, item in _numbered(items).items()
    ]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    if len(items) > _SHOWN:
        chat.screen.line(f"  and {len(items) - _SHOWN} more; words search in all.", "dim")


def _question(actions: Mapping[str, str]) -> str:
    letters = "".join(f", {letter} N {label}" for letter, label in actions.items())
    return f"Number{letters}, words to search, or Enter for none: "
