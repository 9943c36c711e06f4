"""Putting the standing prompt together with the conversation it belongs to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.actions import LiveActions
from lra.chat.commands.registry import registry
from lra.chat.completion import ChatCompleter
from lra.chat.history import PromptHistory
from lra.chat.prompt import Prompt
from lra.chat.theme import wants_background
from lra.chat.width import count_vowel_signs

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.chat.live_screen import LiveScreen

_BUSY = "Enter queues · Ctrl-S steers · Esc stops"
_PARTING = "Leaving when this is done · Ctrl-D leaves now"


def standing_prompt(chat: Chat, screen: LiveScreen) -> Prompt:
    """Return the prompt of a conversation, with its live area and status line."""
    completer = ChatCompleter(registry, lambda: chat.session, chat.settings, Path.cwd())
    actions = LiveActions(chat, chat.pending)

    def placeholder() -> str:
        if chat.leaving or not (chat.working or chat.pending.ready):
            return ""
        return _PARTING if actions.parting else _BUSY

    def shown() -> None:
        chat.current.opening.begin()
        count_vowel_signs()
        # Whoever has typed ahead may be gone before the answer comes over a slow line.
        if chat.preferences.theme is None and not chat.keyboard.ahead and wants_background(os.environ):
            prompt.send(prompt.reports.ask())

    prompt = Prompt(
        history=PromptHistory(chat.settings.home / "history"),
        completer=completer,
        keyboard=chat.keyboard,
        pending=chat.pending,
        actions=actions,
        on_shown=shown,
        on_gone=lambda _error: chat.gone(),
        on_background=chat.set_background,
    )
    prompt.area.status = lambda width: screen.styled(chat.status.line(width), "status")
    prompt.area.placeholder = placeholder
    prompt.area.styled = screen.styled
    prompt.area.depth = lambda: screen.theme.depth
    prompt.set_keys(chat.preferences.keys)
    screen.attach(prompt)
    return prompt
