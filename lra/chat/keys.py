"""Key bindings of the prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    Condition,
    Filter,
    has_completions,
    has_focus,
    is_searching,
    vi_insert_mode,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.keys import Keys

from lra.chat import keymap
from lra.chat.choosing import take_marked
from lra.chat.pastes import Pastes

ANSWER_BUFFER = "ANSWER"
ALONE = 0.7
"""Seconds after which a letter that nothing follows is taken for a key of its own."""


class Actions(Protocol):
    """What keys cause; the conversation decides how."""

    @property
    def running(self) -> bool:
        """Whether something runs that Ctrl-C ends."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether a message waits that can be taken back."""
        ...

    @property
    def editing(self) -> bool:
        """Whether a message was taken back, which can wait again in its place."""
        ...

    @property
    def undoable(self) -> bool:
        """Whether `u` takes something back."""
        ...

    def enter(self, text: str, shown: str) -> None:
        """Take a line that was entered; an empty one lets held messages go on."""
        ...

    def steer(self, text: str, shown: str) -> None:
        """Give a text to the turn that runs."""
        ...

    def stop(self) -> bool:
        """Stop what runs, else drop what waits; False when there was neither."""
        ...

    def hint(self) -> None:
        """Say how to leave."""
        ...

    def leave(self) -> None:
        """Leave."""
        ...

    def take_back(self) -> str | None:
        """Return the last message that waits, which then waits no longer."""
        ...

    def step(self, text: str, shown: str, by: Literal[-1, 1]) -> str | None:
        """Let a message that was taken back wait again.

        Args:
            text: The message.
            shown: How it stands in the prompt.
            by: Which neighbour to take instead: -1 the one before, 1 the one behind.

        Returns:
            The neighbour, no longer waiting; empty behind the last one; None where nothing changes.
        """
        ...

    def let_go(self) -> None:
        """Take note that a message that was taken back was given up."""
        ...

    def edit(self) -> None:
        """Open what is being written in the external editor."""
        ...

    def undo(self) -> None:
        """Take back what was remembered last."""
        ...

    def rewind(self) -> None:
        """Offer to undo a turn."""
        ...


def draft_keys(actions: Actions, pastes: Pastes, untouched: Callable[[], bool]) -> KeyBindings:
    """Return the bindings of the message that is being written.

    Args:
        actions: The conversation.
        pastes: Long pastes, shown as one word.
        untouched: Whether a text that came back stands in the prompt as it came.
    """
    keys = KeyBindings()
    typing, empty = typing_message(), _empty()
    after_paste = Condition(lambda: pastes.ending(get_app().current_buffer.document.text_before_cursor) > 0)

    def take(buffer: Buffer) -> tuple[str, str]:
        return _take(buffer, pastes)

    @keymap.SEND.on(keys, typing)
    def _send(event: KeyPressEvent) -> None:
        _enter(event.current_buffer, actions, pastes)

    @keymap.NEW_LINE.on(keys, typing)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keymap.STEER.on(keys, typing)
    def _steer(event: KeyPressEvent) -> None:
        # Pressed a moment too late it sends, and is never another mode.
        if event.current_buffer.text.strip():
            (actions.steer if actions.running else actions.enter)(*take(event.current_buffer))

    @keymap.COMMAND.on(keys, typing & ~vi_navigation_mode & Condition(untouched))
    def _command(event: KeyPressEvent) -> None:
        take(event.current_buffer)
        event.current_buffer.insert_text("/")

    @keymap.UNDO.on(keys, typing & empty & Condition(lambda: actions.undoable))
    def _undo(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        buffer.insert_text("u")

        async def unless_more_is_typed() -> None:
            # A message may begin with this letter.
            await asyncio.sleep(ALONE)
            if buffer.text == "u" and actions.undoable:
                buffer.reset()
                actions.undo()

        event.app.create_background_task(unless_more_is_typed())

    @keys.add("c", "w", filter=typing & vi_navigation_mode & Condition(_on_a_word))
    def _change_word(event: KeyPressEvent) -> None:
        # In vi this leaves the blank behind the word, which the library takes along.
        end = event.current_buffer.document.find_next_word_ending(include_current_position=True, count=event.arg)
        event.app.clipboard.set_text(event.current_buffer.delete(end or 1))
        event.app.vi_state.input_mode = InputMode.INSERT

    @keys.add(Keys.BracketedPaste, filter=typing)
    def _paste(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(pastes.shorten(event.data))

    @keys.add("backspace", filter=typing & after_paste)
    def _delete_paste(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        buffer.delete_before_cursor(pastes.ending(buffer.document.text_before_cursor))

    return keys


def queue_keys(actions: Actions, pastes: Pastes) -> KeyBindings:
    """Return the bindings that go through the messages that wait, to change them.

    Args:
        actions: The conversation.
        pastes: Long pastes, shown as one word.
    """
    keys = KeyBindings()
    typing, empty = typing_message(), _empty()
    taken = draft = ""

    @Condition
    def as_taken() -> bool:
        return actions.editing and bool(taken) and get_app().current_buffer.text == taken

    @Condition
    def before_the_history() -> bool:
        buffer = get_app().current_buffer
        newest = buffer.working_index == len(buffer._working_lines) - 1
        return newest and actions.waiting and not as_taken() and buffer.document.on_first_line

    @keys.add("up", filter=typing & empty)
    @keys.add("up", filter=typing & before_the_history)
    def _up(event: KeyPressEvent) -> None:
        nonlocal taken, draft
        buffer = event.current_buffer
        if (text := actions.take_back()) is None:
            buffer.auto_up(count=event.arg)
            return
        if buffer.text:
            # It comes back behind the last that waits, or when this one is entered, and is in the history till then.
            draft = buffer.text
            buffer.history.append_string(pastes.expand(draft))
        taken = text
        buffer.document = Document(text)

    def back_to_draft(buffer: Buffer) -> None:
        nonlocal draft
        if draft and not buffer.text:
            buffer.document = Document(draft)
            draft = ""

    @keymap.SEND.on(keys, typing & ~empty & Condition(lambda: bool(draft)))
    def _send(event: KeyPressEvent) -> None:
        _enter(event.current_buffer, actions, pastes)
        back_to_draft(event.current_buffer)

    def step(buffer: Buffer, by: Literal[-1, 1]) -> bool:
        nonlocal taken
        text = actions.step(pastes.expand(buffer.text), buffer.text, by)
        if text is None:
            return False
        taken = text
        buffer.document = Document(text)
        back_to_draft(buffer)
        return True

    @keys.add("up", filter=typing & as_taken)
    def _previous(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if not buffer.document.on_first_line or not step(buffer, -1):
            buffer.cursor_up(count=event.arg)

    @keys.add("down", filter=typing & as_taken)
    def _following(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if not buffer.document.on_last_line or not step(buffer, 1):
            buffer.cursor_down(count=event.arg)

    return keys


def terminal_keys(edit: Callable[[], None], suspend: Callable[[], None], draw_anew: Callable[[], None]) -> KeyBindings:
    """Return the bindings that are about the terminal, not about the text.

    Args:
        edit: Opens the external editor.
        suspend: Gives the terminal back to the shell.
        draw_anew: Draws what stands at the bottom again.
    """
    keys = KeyBindings()

    @keymap.EDIT.on(keys, typing_message())
    def _edit(event: KeyPressEvent) -> None:
        edit()

    @keymap.REDRAW.on(keys, True)
    def _redraw(event: KeyPressEvent) -> None:
        # What stands above is the conversation: it is not for this key to wipe.
        draw_anew()

    @keymap.SUSPEND.on(keys, True)
    def _suspend(event: KeyPressEvent) -> None:
        suspend()

    return keys


def stopping_keys(actions: Actions, pastes: Pastes) -> KeyBindings:
    """Return the bindings that stop, give up and leave.

    Args:
        actions: The conversation.
        pastes: Long pastes, shown as one word.
    """
    keys = KeyBindings()
    typing, empty = typing_message(), _empty()

    def give_up(buffer: Buffer) -> bool:
        if actions.stop():
            return True
        if buffer.text:
            # A line given up by mistake is one arrow key away.
            _take(buffer, pastes)
            actions.let_go()
            return True
        return False

    @keys.add("c-c", filter=typing)
    def _interrupt(event: KeyPressEvent) -> None:
        if not give_up(event.current_buffer):
            actions.hint()

    @keys.add("escape", filter=typing & ~has_completions & (~vi_insert_mode | empty))
    def _escape(event: KeyPressEvent) -> None:
        give_up(event.current_buffer)

    @keys.add("escape", filter=typing & has_completions)
    def _close_menu(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    @keymap.REWIND.on(keys, typing & empty & Condition(lambda: not actions.running))
    def _rewind(event: KeyPressEvent) -> None:
        if not give_up(event.current_buffer):
            actions.rewind()

    @keymap.LEAVE.on(keys, typing & empty)
    def _leave(event: KeyPressEvent) -> None:
        actions.leave()

    return keys


def _on_a_word() -> bool:
    return bool(get_app().current_buffer.document.current_char.strip())


def typing_message() -> Filter:
    """Whether a message is being written, and nothing is searched for."""
    return has_focus(DEFAULT_BUFFER) & ~is_searching


def _empty() -> Filter:
    return Condition(lambda: not get_app().current_buffer.text)


def _enter(buffer: Buffer, actions: Actions, pastes: Pastes) -> None:
    """Take the marked completion, begin a line behind a backslash, or send what was written."""
    if take_marked(buffer):
        return
    if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
        buffer.delete_before_cursor()
        buffer.newline(copy_margin=False)
    else:
        actions.enter(*_take(buffer, pastes))


def _take(buffer: Buffer, pastes: Pastes) -> tuple[str, str]:
    """Empty the prompt; returns the text, kept in the history, and how it was shown."""
    shown = buffer.text
    text = pastes.expand(shown)
    if (draft := set_aside(buffer)) is not None:
        buffer.history.append_string(pastes.expand(draft))
    buffer.history.append_string(text)
    buffer.reset()
    # With vi keys every message begins where letters are letters.
    get_app().vi_state.reset()
    return text, shown


def set_aside(buffer: Buffer) -> str | None:
    """Return what was being written before an earlier line came in its place; None where none did."""
    draft: str = buffer._working_lines[-1]
    return None if draft == buffer.text else draft


def answer_keys(answered: Callable[[str | BaseException], None]) -> KeyBindings:
    """Return the bindings of a question's answer.

    Args:
        answered: Takes the answer, or what was pressed instead of one.
    """
    keys = KeyBindings()
    answering = has_focus(ANSWER_BUFFER)

    @keys.add("enter", filter=answering)
    def _answer(event: KeyPressEvent) -> None:
        answered(event.current_buffer.text)

    @keys.add("escape", filter=answering)
    @keys.add("c-c", filter=answering)
    def _give_up(event: KeyPressEvent) -> None:
        answered(KeyboardInterrupt())

    @keys.add("c-d", filter=answering)
    def _nothing(event: KeyPressEvent) -> None:
        if not event.current_buffer.text:
            answered("")

    @keymap.NEW_LINE.on(keys, answering)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
