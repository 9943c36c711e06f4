"""Choosing one of many, below the conversation: `pick`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lra.chat.picker.items import Item, Picked, Preview, Search

if TYPE_CHECKING:
    from lra.chat.app import Chat

__all__ = ["Item", "Picked", "Preview", "Search", "pick"]


async def pick(
    chat: Chat,
    title: str,
    items: Sequence[Item],
    *,
    search: Search | None = None,
    preview: Preview | None = None,
    actions: Mapping[str, str] | None = None,
    start: int = 0,
) -> Picked | None:
    """Let the person choose; what was drawn for it is gone afterwards.

    A plain terminal and a pipe get a numbered list and a question.

    Args:
        chat: Where to show and ask.
        title: What is being chosen.
        items: What there is to choose from, in order.
        search: Finds more for typed words, beyond what the items' own texts say.
        preview: Returns a few lines about an item.
        actions: Single letters that do something else with an item than choosing it, with what each does.
        start: Number of the item that is marked at first, from 0.

    Returns:
        What was chosen and how, or None.
    """
    actions = dict(actions or {})
    if chat.screen.plain or not chat.reader.interactive:
        from lra.chat.picker.listed import choose_by_number

        return await choose_by_number(chat, title, items, search=search, preview=preview, actions=actions)
    from lra.chat.aside import aside
    from lra.chat.picker.live import choose
    from lra.chat.picker.state import State

    # Whoever has keys for actions reads them as such until the person begins to search.
    state = State(title, list(items), actions=actions, typing=not actions, index=start)
    async with aside(chat) as streams:
        assert streams is not None, "a plain screen was dealt with"
        # Sixteen colours are whatever the terminal makes of them; its own foreground can be read.
        faint = chat.screen.theme.name in {"dark", "light"} and chat.screen.theme.depth > 4
        return await choose(state, search=search, preview=preview, streams=streams, faint=faint)
