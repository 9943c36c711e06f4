"""The prompt of a full terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.filters import Condition
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.output import create_output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from lra.chat.commands.registry import Registry
from lra.chat.completion import CommandCompleter
from lra.chat.history import PromptHistory
from lra.chat.keyboard import Keyboard
from lra.chat.keys import prompt_keys
from lra.chat.reader import Reopened

MARK = "> "
PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
_STYLE = Style.from_dict({"mark": "ansigreen bold", "aborting": "ansibrightblack"})


class Prompt:
    """Reads lines with editing, history, search and completion.

    Args:
        history: File of earlier lines.
        registry: Commands to complete.
        keyboard: The terminal between prompts.
        on_shown: Called when the prompt stands for the first time.
    """

    interactive = True

    def __init__(self, *, history: Path, registry: Registry, keyboard: Keyboard, on_shown: Callable[[], None]) -> None:
        self.history = PromptHistory(history)
        self._keyboard = keyboard
        self._output = create_output(sys.stdout)
        if isinstance(self._output, Vt100_Output):
            # Asking where the cursor is leaves stray answers behind on slow lines, and is not needed here.
            self._output.enable_cpr = False
        self._session: PromptSession[str] = PromptSession(
            history=self.history,
            completer=CommandCompleter(registry),
            complete_while_typing=Condition(self._typing_command),
            key_bindings=prompt_keys(),
            multiline=True,
            prompt_continuation=lambda width, _number, _wraps: " " * width,
            enable_suspend=True,
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            style=_STYLE,
            output=self._output,
        )
        self._questions: PromptSession[str] = PromptSession(style=_STYLE, output=self._output)
        self._reading = False
        self._on_shown: Callable[[], None] | None = on_shown
        self._session.app.after_render += self._shown

    def _shown(self, _app: object) -> None:
        on_shown, self._on_shown = self._on_shown, None
        if on_shown is not None:
            on_shown()

    def _typing_command(self) -> bool:
        text = self._session.default_buffer.text
        return text.startswith("/") and " " not in text and "\n" not in text

    async def read(self, default: str = "") -> str:
        """Return the next message; see `Reader.read`."""
        self._reading = True
        try:
            return await self._session.prompt_async([("class:mark", MARK)], default=default, handle_sigint=False)
        finally:
            self._reading = False
            self._session.app.erase_when_done = False
            # What is pasted while a turn runs keeps its lines too.
            self._output.write_raw(PASTE_ON)
            self._output.flush()

    async def ask(self, question: str, *, fresh: bool = False) -> str:
        """Ask for one short answer; see `Reader.ask`."""
        kept = self._typed_before() if fresh else []
        try:
            return (await self._questions.prompt_async(question, handle_sigint=False)).strip()
        except EOFError:
            return ""
        finally:
            store_typeahead(self._questions.input, kept)
            self._output.write_raw(PASTE_ON)
            self._output.flush()

    def _typed_before(self) -> list[KeyPress]:
        keys = get_typeahead(self._questions.input)
        text = self._keyboard.take().decode("utf-8", "replace")
        if text.count("\x1b[200~") > text.count("\x1b[201~"):
            text += "\x1b[201~"
        parser = Vt100Parser(keys.append)
        parser.feed(text)
        parser.flush()
        return keys

    def reopen(self) -> None:
        """Take the prompt away; see `Reader.reopen`."""
        self._exit(Reopened(self._session.default_buffer.text), erase=True)

    def give_up(self) -> None:
        """Give the line up, as Ctrl-C does."""
        self._exit(KeyboardInterrupt())

    def leave(self) -> None:
        """End reading, as Ctrl-D does."""
        self._exit(EOFError())

    def _exit(self, exception: BaseException, *, erase: bool = False) -> None:
        for session in (self._session, self._questions):
            app: Any = session.app
            if app.is_running and not app.is_done:
                app.erase_when_done = erase
                app.exit(exception=exception)

    async def above(self, show: Callable[[], None]) -> None:
        """Write lines above the prompt, which then stands below them with what was typed."""
        if not self._reading:
            show()
            return
        async with in_terminal():
            show()
