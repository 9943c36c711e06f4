"""The command that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry

if TYPE_CHECKING:
    from lra.chat.app import Chat


@registry.command("exit", aliases=("quit", "q"), during_turn=True)
async def leave(chat: Chat, args: str) -> None:
    """Leave; the conversation is kept."""
    chat.leaving = True
