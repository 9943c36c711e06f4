"""Putting the standing prompt together with the conversation it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.actions import LiveActions
from lra.chat.commands.registry import registry
from lra.chat.completion import CommandCompleter
from lra.chat.history import PromptHistory
from lra.chat.prompt import Prompt

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.chat.live_screen import LiveScreen


def standing_prompt(chat: Chat, screen: LiveScreen) -> Prompt:
    """Return the prompt of a conversation, with its live area and status line."""
    prompt = Prompt(
        history=PromptHistory(chat.settings.home / "history"),
        completer=CommandCompleter(registry),
        keyboard=chat.keyboard,
        pending=chat.pending,
        actions=LiveActions(chat, chat.pending),
        on_shown=chat.current.opening.begin,
        on_gone=lambda _error: chat.gone(),
    )
    prompt.area.status = lambda width: screen.styled(chat.status.line(width), "dim")
    prompt.area.placeholder = lambda: "Enter queues · Ctrl-S steers · Esc stops" if chat.working else ""
    screen.attach(prompt)
    return prompt
