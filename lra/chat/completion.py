"""Completion of slash commands."""

from __future__ import annotations

from collections.abc import Iterable

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from lra.chat.commands.registry import Registry


class CommandCompleter(Completer):
    """Offers the commands while the first word is being typed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield commands that begin with what stands before the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/") or any(char.isspace() for char in text):
            return
        for command in self._registry:
            if command.name.startswith(text[1:]):
                yield Completion(
                    "/" + command.name,
                    start_position=-len(text),
                    display=f"/{command.name} {command.usage}".rstrip(),
                    display_meta=command.help,
                )
