"""Questions that are answered with yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import is_command

if TYPE_CHECKING:
    from lra.chat.app import Chat


async def agreed(chat: Chat, question: str) -> bool:
    """Return whether the person says yes; a command is no answer, and the question is asked again.

    Args:
        chat: Where to ask.
        question: What is asked, with all that has to be known: what stands above may scroll away.
    """
    while True:
        answer = await chat.ask(f"{question} [y/N] ")
        if not is_command(answer):
            return answer.strip().lower() in {"y", "yes"}
        chat.screen.line("The question comes first: y or n.", "dim")
