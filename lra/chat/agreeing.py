"""Questions that are answered with yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lra.chat.app import Chat


_WORDS = frozenset({"y", "yes", "n", "no", ""})


def comes_first(chat: Chat, choices: str, command: str) -> None:
    """Say that a question waits for its answer; the command that was typed goes into the prompt.

    Args:
        chat: Where to say it.
        choices: What would be an answer.
        command: What was typed; empty where it is no command that could wait.
    """
    chat.screen.line(f"The question comes first: {choices}.", "dim")
    if command:
        chat.offer(command)


async def agreed(chat: Chat, question: str) -> bool:
    """Return whether the person says yes; a command is no answer, and the question is asked again.

    What is no answer at all counts as no, and goes into the prompt.

    Args:
        chat: Where to ask.
        question: What is asked, with all that has to be known: what stands above may scroll away.
    """
    # The commands ask in this way themselves.
    from lra.chat.commands.registry import is_command

    while True:
        answer = (await chat.ask(f"{question} [y/N] ")).strip()
        if is_command(answer):
            comes_first(chat, "y or n", answer)
            continue
        if answer.lower() not in _WORDS:
            # It was meant for somebody else, and is not lost.
            chat.offer(answer)
        return answer.lower() in {"y", "yes"}
