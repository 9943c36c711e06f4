"""The prompt of a full terminal, which stands all the time: output appears above it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from prompt_toolkit.application import Application, in_terminal
from prompt_toolkit.auto_suggest import DummyAutoSuggest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import DynamicCompleter
from prompt_toolkit.cursor_shapes import AnyCursorShapeConfig, DynamicCursorShapeConfig, ModalCursorShapeConfig
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, is_searching
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_input
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.layout import Layout
from prompt_toolkit.output import ColorDepth

from lra.chat.area import Area
from lra.chat.choosing import choosing_keys
from lra.chat.completion import ChatCompleter
from lra.chat.emoji import emoji_keys
from lra.chat.history import PromptHistory
from lra.chat.keyboard import Keyboard
from lra.chat.keys import (
    ANSWER_BUFFER,
    Actions,
    answer_keys,
    draft_keys,
    queue_keys,
    set_aside,
    stopping_keys,
    terminal_keys,
    typing_message,
)
from lra.chat.output import SteadyOutput, output_for_prompt
from lra.chat.painter import REPAINTS, Painter, StandingApplication
from lra.chat.pastes import Pastes
from lra.chat.queue import Message, Pending
from lra.chat.reader import Reopened
from lra.chat.reports import Reports

QUIET = 0.4
"""Seconds without a key after which a question may take the keyboard."""


class Prompt:
    """Reads messages with editing, history, search and completion, and keeps reading while they are answered.

    Args:
        history: Earlier lines.
        completer: What is offered while typing.
        keyboard: The terminal before and after.
        pending: Where entered messages go.
        actions: What keys cause.
        on_shown: Called when the prompt stands for the first time.
        on_gone: Called when the terminal takes nothing more.
        on_background: Called when the terminal has said what its background is: whether that is light.
    """

    interactive = True

    def __init__(
        self,
        *,
        history: PromptHistory,
        completer: ChatCompleter,
        keyboard: Keyboard,
        pending: Pending,
        actions: Actions,
        on_shown: Callable[[], None],
        on_gone: Callable[[OSError], None],
        on_background: Callable[[bool], None] = lambda _light: None,
    ) -> None:
        self.history = history
        self.completer = completer
        self.pastes = Pastes()
        history.fold = self.pastes.fold
        self.reports = Reports(on_background)
        self.output = output_for_prompt()
        self._keyboard = keyboard
        self._pending = pending
        self._on_shown: Callable[[], None] | None = on_shown
        self._on_gone = on_gone
        self._task: asyncio.Task[None] | None = None
        self._last_key = 0.0
        self._answer: asyncio.Future[str] | None = None
        self._asking = asyncio.Lock()
        self._proposed = ""
        self.draft = Buffer(
            name=DEFAULT_BUFFER,
            history=history,
            completer=DynamicCompleter(lambda: self.completer),
            complete_while_typing=Condition(self._completes),
            multiline=True,
            auto_suggest=DummyAutoSuggest(),
        )
        self._offered = ""
        """What came back into the prompt, as long as nobody has changed it."""
        self.draft.on_text_changed += self._changed
        self._answers = Buffer(name=ANSWER_BUFFER, history=InMemoryHistory(), multiline=True)
        self.area = Area(self.draft, self._answers, self.output.get_size)
        source = create_input()
        self.reports.follow(source)
        self.app = StandingApplication(
            layout=Layout(self.area.container, focused_element=self.area.draft_window),
            key_bindings=merge_key_bindings(
                [
                    draft_keys(actions, self.pastes, self._untouched),
                    choosing_keys(typing_message()),
                    queue_keys(actions, self.pastes),
                    terminal_keys(actions.edit, self.suspend, self._draw_anew),
                    stopping_keys(actions, self.pastes),
                    answer_keys(self._answered),
                    emoji_keys(lambda: self.app.current_buffer, ~is_searching),
                ]
            ),
            style=self.area.style,
            editing_mode=EditingMode.EMACS,
            cursor=DynamicCursorShapeConfig(self._cursor_shape),
            erase_when_done=True,
            min_redraw_interval=1 / REPAINTS,
            # What stands in the live area may stay as the answer it becomes: both have to have the same colours.
            color_depth=lambda: ColorDepth.DEPTH_24_BIT if self.area.depth() == 24 else None,
            terminal_size_polling_interval=None,
            input=source,
            output=self.output,
        )
        if keyboard.ahead:
            store_typeahead(source, _keys_in(keyboard.ahead.decode("utf-8", "replace")))
        self.painter = Painter(self.app, self.area)
        # Esc is a key of its own here: it waits no longer for what it may begin than a slow line needs.
        self.app.ttimeoutlen, self.app.timeoutlen = 0.05, 0.2
        self.app.before_render += self.area.refresh
        self.app.after_render += self._shown
        self.app.key_processor.before_key_press += self._pressed
        if isinstance(self.output, SteadyOutput):
            self.output.on_gone = on_gone

    def _completes(self) -> bool:
        return self.draft.document.text_before_cursor.startswith("/") or "@" in self.draft.document.current_line

    def _shown(self, _app: object) -> None:
        on_shown, self._on_shown = self._on_shown, None
        if on_shown is not None:
            on_shown()

    def _pressed(self, _processor: object) -> None:
        self._last_key = time.monotonic()

    @property
    def completed(self) -> Collection[str]:
        """The `@words` that were offered while typing."""
        return self.completer.offered

    # The life of the prompt.

    @property
    def standing(self) -> bool:
        """Whether the prompt stands, so that output has to go above it."""
        return self._task is not None and not self._task.done()

    def stand(self) -> None:
        """Show the prompt, until `close`; call it on the event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self.app.run_async(handle_sigint=False, set_exception_handler=False)
        except (EOFError, OSError):
            self._pending.end(EOFError())
        except Exception as error:
            self._pending.end(error)

    async def close(self) -> None:
        """Take the prompt away; what is written later goes straight to the terminal."""
        if self._task is None:
            return
        # Whatever ends the program, what was being written is one arrow key away the next time.
        self._keep_draft()
        self.painter.paint()
        await self.reports.settled()
        if self.app.is_running and not self.app.is_done:
            self.app.exit()
        await asyncio.wait([self._task])
        self.painter.write_rest()

    def _keep_draft(self) -> None:
        if not self._keep_set_aside() or self.draft.text not in self.history.get_strings():
            self.history.append_string(self.typed)

    def _keep_set_aside(self) -> bool:
        """Keep what was being written before an earlier line came in its place; tells whether one did."""
        if (draft := set_aside(self.draft)) is not None:
            self.history.append_string(self.pastes.expand(draft))
        return draft is not None

    def _cursor_shape(self) -> AnyCursorShapeConfig:
        # It tells vi's modes apart; with other keys it is the terminal's own.
        return ModalCursorShapeConfig() if self.app.editing_mode == EditingMode.VI else None

    def set_keys(self, mode: str) -> None:
        """Edit with `vi` or `emacs` keys."""
        self.app.editing_mode = EditingMode.VI if mode == "vi" else EditingMode.EMACS

    @property
    def watched(self) -> bool:
        """Whether the terminal says that it has the focus."""
        return self.reports.known and self.reports.here

    # Reading.

    async def next(self, default: str = "") -> Message:
        """Return the next message; see `Reader.next`."""
        self.stand()
        if default:
            self.offer(default)
        return await self._pending.next()

    def offer(self, text: str, *, written: bool = False) -> None:
        """Put a text into the prompt, before what is being typed there; where that is a command, Up brings the text.

        Args:
            text: What to put there.
            written: Whether the person has just written it, so that a command does not take its place.
        """
        if self._untouched():
            # What came back before makes room, and is one arrow key away.
            self.history.append_string(self.typed)
            self.draft.reset()
        typed = self.draft.text
        if self.commanding:
            self.history.append_string(text)
            return
        text = self.pastes.known(text) if written else self.pastes.fold(text)
        at = len(text) + 1 + self.draft.cursor_position if typed else len(text)
        self.draft.text = f"{text}\n{typed}" if typed else text
        self.draft.cursor_position = at
        self._offered = "" if typed or written else text
        self.repaint()

    @property
    def commanding(self) -> bool:
        """Whether a command is being typed."""
        return self.draft.text.startswith("/") and not self.draft.text.startswith("//")

    def _untouched(self) -> bool:
        """Return whether what came back stands in the prompt as it came."""
        draft = self.draft
        return bool(self._offered) and draft.text == self._offered and draft.document.is_cursor_at_the_end

    def _changed(self, draft: Buffer) -> None:
        if draft.text != self._offered:
            self._offered = ""
        if not draft.text:
            self._pending.let_go()

    def forget(self, text: str) -> None:
        """Take a forgotten text out of what was typed before; what is being typed stays."""
        self._keep_set_aside()
        self.history.forget(text)
        if text.strip():
            self.pastes.forget(text)
        # The buffer has copies of its own, which it makes anew.
        self.draft.reset(self.draft.document)

    async def ask(self, question: str, *, fresh: bool = False, default: str = "") -> str:
        """Ask for one short answer; see `Reader.ask`."""
        self.stand()
        async with self._asking:
            while fresh and (rest := self._last_key + QUIET - time.monotonic()) > 0:  # noqa: ASYNC110
                # What is being typed is no answer: it goes on into the draft until the hands rest.
                await asyncio.sleep(rest)
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self._answer = answer
            self._answers.reset(Document(default))
            self._proposed = default
            self.area.question = question
            self.app.layout.focus(self.area.answer_window)
            # With vi keys an answer begins where letters are letters, whatever the draft was in.
            self.app.vi_state.reset()
            self.repaint()
            try:
                return (await answer).strip()
            finally:
                if self._answer is answer:
                    self._keep_answer()
                    self._asked()

    @property
    def asking(self) -> bool:
        """Whether a question is waiting for its answer."""
        return self._answer is not None

    def _answered(self, answer: str | BaseException) -> None:
        future = self._answer
        if future is None or future.done():
            return
        if isinstance(answer, str):
            future.set_result(answer)
        else:
            future.set_exception(answer)
            self._keep_answer()
        # What was typed right behind the answer belongs to the draft.
        self._asked()

    def _keep_answer(self) -> None:
        """Keep an answer that was begun and given up, or whose question has gone: it is one arrow key away."""
        if self._answers.text != self._proposed and len(self._answers.text.strip()) > 1:
            self._keep_set_aside()
            self.history.append_string(self._answers.text)
            self.draft.reset(self.draft.document)

    def _asked(self) -> None:
        """Give the keyboard back to the draft."""
        self._answer = None
        self.area.question = ""
        self.app.layout.focus(self.area.draft_window)
        self.repaint()

    def reopen(self) -> None:
        """Make a waiting `next` raise `Reopened`; see `Reader.reopen`."""
        self._pending.end(Reopened(""))

    def give_up(self) -> None:
        """Give up an answer, as Ctrl-C does."""
        self._answered(KeyboardInterrupt())

    def leave(self) -> None:
        """End reading, as Ctrl-D does."""
        if self._answer is not None:
            self._keep_answer()
        self._answered("")
        self._pending.end(EOFError())

    # Writing.

    async def above(self, show: Callable[[], None]) -> None:
        """Let `show` write; all output goes above the prompt anyway."""
        show()

    def write(self, text: str) -> None:
        """Append text to the scrollback, above the prompt; it ends with a line break."""
        self.painter.write(text)

    def answering(self, text: str | None) -> None:
        """Take note of a further piece of an answer that is about to be shown; None when it has ended."""
        self.painter.answering(text)

    def repaint(self) -> None:
        """Show what has changed, soon."""
        self.painter.repaint()

    def send(self, control: str) -> None:
        """Send a control sequence that shows nothing."""
        self.output.write_raw(control)
        self.output.flush()

    # Handing the terminal over.

    @contextlib.asynccontextmanager
    async def cover(self) -> AsyncIterator[None]:
        """Take the prompt away and leave the terminal to the block; output waits until it ends."""
        if not self.standing:
            yield
            return
        self.painter.paint()
        self.painter.covered += 1
        try:
            async with in_terminal():
                yield
        finally:
            self.painter.covered -= 1
            # What was typed right behind the last key that the block took is for the prompt.
            self.app.key_processor.feed_multiple(get_typeahead(self.app.input))
            self.app.key_processor.process_keys()
            self.repaint()

    def _draw_anew(self) -> None:
        self.app.anew()

    @property
    def typed(self) -> str:
        """What is being written, whole."""
        return self.pastes.expand(self.draft.text)

    @typed.setter
    def typed(self, text: str) -> None:
        self.draft.document = Document(self.pastes.known(text))
        self.repaint()

    def suspend(self, app: Application[Any] | None = None) -> None:
        """Give the terminal back to the shell, until it brings the program to the foreground again.

        Args:
            app: What stands at the bottom now; the prompt itself by default.
        """
        app = app or self.app
        app.renderer.erase(leave_alternate_screen=False)
        self._keyboard.stop()
        app.renderer.reset()
        app._redraw()
        self.repaint()


def _keys_in(text: str) -> list[KeyPress]:
    """Return typed text as the keys that were pressed."""
    keys: list[KeyPress] = []
    parser = Vt100Parser(keys.append)
    parser.feed_and_flush(text)
    return keys
