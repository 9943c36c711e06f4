"""What is offered while typing: commands and their arguments, files, memories, conversations."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from lra.chat.commands.registry import Command, Registry
from lra.chat.file_index import FileIndex
from lra.chat.width import clip
from lra.errors import LraError

if TYPE_CHECKING:
    from lra.config import Settings
    from lra.session import Session

# The last one in the line: what stands before it is written already.
_WORD = re.compile(r"""(?:^|(?<=[\s(\[{'"“«]))@("?)((?:[^"\n@]|(?<![\s(\[{'"“«])@)*)$""")
_ARGUMENT = re.compile(r"/([A-Za-z?][\w-]*)\s+(\S*)$")
_MOST = 50
_OFFERED = 5_000
_LOOKED_AT = 300
_WIDE = 70


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be inserted."""

    text: str
    shown: str = ""
    note: str = ""


class ChatCompleter(Completer):
    """Completes the message being written.

    Args:
        registry: The commands.
        session: The open session, once there is one.
        settings: Say which models there are.
        cwd: Where files are looked for.
    """

    def __init__(
        self,
        registry: Registry,
        session: Callable[[], Session | None] = lambda: None,
        settings: Settings | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.offered: set[str] = set()
        """`@` words that were offered: one of these that is missing later has gone in between."""
        self._registry = registry
        self._session = session
        self._settings = settings
        self._files = FileIndex(cwd or Path.cwd())
        self._models: list[Choice] | None = None

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what needs no looking up: commands and fixed arguments."""
        text = document.text_before_cursor
        if text.startswith("/") and not any(char.isspace() for char in text):
            yield from self._commands(text)
        elif (call := _ARGUMENT.fullmatch(text)) and (command := self._registry.get(call[1])):
            words = command.completes if isinstance(command.completes, tuple) else ()
            yield from _completions([Choice(word) for word in words], call[2])

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Yield everything; what has to be looked up is, without keeping the keyboard waiting."""
        for completion in self.get_completions(document, complete_event):
            yield completion
        text = document.text_before_cursor
        try:
            if (call := _ARGUMENT.fullmatch(text)) and (command := self._registry.get(call[1])):
                for completion in await self._arguments(command, call[2]):
                    yield completion
            word = _WORD.search(document.current_line_before_cursor)
            if word and (word[1] or not any(char.isspace() for char in word[2])):
                for completion in await self._attachable(word[0], word[2]):
                    yield completion
        except LraError:
            # A record that cannot be read just now is told when something is done with it.
            return

    def _commands(self, text: str) -> Iterable[Completion]:
        for command in self._registry:
            if any(name.startswith(text[1:].lower()) for name in (command.name, *command.aliases)):
                yield Completion(
                    "/" + command.name,
                    start_position=-len(text),
                    display=f"/{command.name} {command.usage}".rstrip(),
                    display_meta=command.help,
                )

    async def _arguments(self, command: Command, begun: str) -> list[Completion]:
        match command.completes:
            case "commands":
                choices = [Choice(item.name, note=item.help) for item in self._registry]
            case "models":
                choices = await self._known_models()
            case "sessions":
                choices = await self._sessions(begun)
            case "memories":
                choices = await self._memories(begun)
            case _:
                return []
        return list(_completions(choices, begun))

    async def _known_models(self) -> list[Choice]:
        session = self._session()
        if self._models is None and self._settings is not None and session is not None:
            from lra.agent.available import available_models

            found = await asyncio.to_thread(available_models, self._settings, session.model_name)
            self._models = [Choice(choice.name, note=choice.reason) for choice in found]
        return self._models or []

    async def _sessions(self, begun: str) -> list[Choice]:
        session = self._session()
        if session is None:
            return []
        found = await session.runtime.store.sessions.find(limit=_LOOKED_AT)
        return [
            Choice(record.id, clip(record.title or "untitled", _WIDE), record.id)
            for record in found
            if record.id != session.id and record.turns and _fits(begun, record.id, record.title)
        ][:_MOST]

    async def _memories(self, begun: str) -> list[Choice]:
        session = self._session()
        if session is None:
            return []
        found = await session.runtime.memory.find(limit=_LOOKED_AT)
        return [
            Choice(record.id, clip(record.content, _WIDE), record.kind)
            for record in found
            if _fits(begun, record.id, record.content)
        ][:_MOST]

    async def _attachable(self, whole: str, begun: str) -> list[Completion]:
        if begun.startswith("memory:"):
            choices, prefix = await self._memories(begun.removeprefix("memory:")), "memory:"
        elif begun.startswith("session:"):
            choices, prefix = await self._sessions(begun.removeprefix("session:")), "session:"
        else:
            paths = await asyncio.to_thread(self._files.find, begun, _MOST)
            choices, prefix = [Choice(path, clip(path, _WIDE)) for path in paths], ""
            kinds = (("memory:", "what is remembered"), ("session:", "an earlier conversation"))
            choices += [Choice(kind, note=note) for kind, note in kinds if begun and kind.startswith(begun)]
        if len(self.offered) > _OFFERED:
            self.offered.clear()
        self.offered.update(prefix + choice.text for choice in choices if choice.text[-1:] != ":")
        return [
            Completion(
                _written(prefix + choice.text),
                start_position=-len(whole),
                display=choice.shown or choice.text,
                display_meta=choice.note,
            )
            for choice in choices
        ]


def _fits(begun: str, name: str, text: str) -> bool:
    return name.startswith(begun) or begun.casefold() in text.casefold()


def _completions(choices: Iterable[Choice], begun: str) -> Iterable[Completion]:
    for choice in choices:
        # What was found by its text stands there under its own name.
        if choice.shown or choice.text.casefold().startswith(begun.casefold()):
            yield Completion(
                choice.text,
                start_position=-len(begun),
                display=choice.shown or choice.text,
                display_meta=choice.note,
            )


def _written(word: str) -> str:
    return f'@"{word}"' if any(char.isspace() for char in word) else f"@{word}"
