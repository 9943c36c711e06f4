"""The command that chooses who answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry
from lra.chat.picker import Item, pick

if TYPE_CHECKING:
    from lra.chat.app import Chat


@registry.command("model", "[NAME]", completes="models")
async def choose_model(chat: Chat, args: str) -> None:
    """Answer with another model from now on; without a name, choose one.

    Offered are the models of providers whose key is set, those of a running Ollama, and the offline model. Any other
    name can be typed, as provider:model.
    """
    session = await chat.ready()
    if not args:
        if chat.scripted:
            chat.screen.line(f"Answering with {session.model_name}. Change it with /model provider:model, or offline.")
            return
        args = await _choose(chat)
        if not args:
            return
    await session.set_model(args)
    chat.screen.line(f"Answering with {session.model_name} from now on.", "good")


async def _choose(chat: Chat) -> str:
    from lra.agent.available import available_models
    from lra.agent.models import known_as

    found = await asyncio.to_thread(available_models, chat.settings, chat.model_name)
    items = [Item(choice.name, choice.name, choice.reason) for choice in found]

    async def named(words: str) -> Sequence[Item]:
        name = known_as(words.strip(), chat.settings)
        return [Item(name, name, "as typed")] if ":" in name and " " not in name else []

    picked = await pick(chat, "Answer with", items, search=named)
    return picked.item.key if picked else ""
