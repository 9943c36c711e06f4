"""Questions that are answered with yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.editing import offer
from lra.chat.commands.registry import is_command

if TYPE_CHECKING:
    from lra.chat.app import Chat


_WORDS = frozenset({"y", "yes", "n", "no", ""})


async def agreed(chat: Chat, question: str) -> bool:
    """Return whether the person says yes; a command is no answer, and the question is asked again.

    What is no answer at all counts as no, and goes into the prompt.

    Args:
        chat: Where to ask.
        question: What is asked, with all that has to be known: what stands above may scroll away.
    """
    while True:
        answer = (await chat.ask(f"{question} [y/N] ")).strip()
        if is_command(answer):
            chat.screen.line("The question comes first: y or n.", "dim")
            continue
        if answer.lower() not in _WORDS:
            # It was meant for somebody else, and is not lost.
            offer(chat, answer)
        return answer.lower() in {"y", "yes"}
