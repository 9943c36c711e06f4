"""What a picker is given and what it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to choose."""

    key: str
    """What the caller knows it by; never shown."""
    text: str
    note: str = ""
    """Said beside the text, for what is worth knowing before choosing."""
    number: str = ""
    """What it is called by where things are chosen by number; its place in the list when it has none of its own."""

    @property
    def label(self) -> str:
        """Its text, behind its own number if it has one."""
        return f"{self.number:>3}  {self.text}" if self.number else self.text


@dataclass(frozen=True, slots=True)
class Picked:
    """What was chosen."""

    item: Item
    action: str = ""
    """The letter of the action; empty when Enter chose it."""


Search = Callable[[str], Awaitable[Sequence[Item]]]
Preview = Callable[[Item], Awaitable[Sequence[str]]]


def matches(item: Item, query: str) -> bool:
    """Tell whether every word of a query stands in an item's text."""
    text = item.text.casefold()
    return all(word in text for word in query.casefold().split())


def merged(own: Sequence[Item], more: Sequence[Item]) -> list[Item]:
    """Return both, each key once, in the first one's order; what was found of an item says more than its own text."""
    return list(({item.key: item for item in own} | {item.key: item for item in more}).values())
