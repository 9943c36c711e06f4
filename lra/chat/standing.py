"""Putting the standing prompt together with the conversation it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.actions import LiveActions
from lra.chat.commands.registry import registry
from lra.chat.completion import ChatCompleter
from lra.chat.history import PromptHistory
from lra.chat.prompt import Prompt

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.chat.live_screen import LiveScreen

_BUSY = "Enter queues · Ctrl-S steers · Esc stops"


def standing_prompt(chat: Chat, screen: LiveScreen) -> Prompt:
    """Return the prompt of a conversation, with its live area and status line."""
    completer = ChatCompleter(registry, lambda: chat.session, chat.settings, Path.cwd())
    prompt = Prompt(
        history=PromptHistory(chat.settings.home / "history"),
        completer=completer,
        keyboard=chat.keyboard,
        pending=chat.pending,
        actions=LiveActions(chat, chat.pending),
        on_shown=chat.current.opening.begin,
        on_gone=lambda _error: chat.gone(),
    )
    prompt.area.status = lambda width: screen.styled(chat.status.line(width), "status")
    prompt.area.placeholder = lambda: _BUSY if not chat.leaving and (chat.working or chat.pending.ready) else ""
    prompt.area.styled = screen.styled
    prompt.area.depth = lambda: screen.theme.depth
    prompt.set_keys(chat.preferences.keys)
    screen.attach(prompt)
    return prompt
