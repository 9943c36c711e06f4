"""Taking one of the choices that are offered while typing."""

from __future__ import annotations

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completion
from prompt_toolkit.filters import Condition, Filter
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from lra.chat import keymap

_GOES_ON = ("/", ":")
"""How a choice ends that is the beginning of others: a folder, a kind of things."""


def choosing_keys(typing: Filter) -> KeyBindings:
    """Return the bindings that take a choice, so that what is typed on behind it is a word of its own.

    Args:
        typing: Whether a message is being written.
    """
    keys = KeyBindings()

    @keymap.COMPLETE.on(keys, typing & Condition(_sole))
    def _complete(event: KeyPressEvent) -> None:
        # Nothing is left to choose: the next Enter sends.
        buffer = event.current_buffer
        if buffer.complete_state is not None:
            only = buffer.complete_state.completions[0]
            buffer.apply_completion(only)
            if not only.text.endswith(_GOES_ON):
                _part(buffer)

    @keys.add(Keys.Any, filter=typing & Condition(_word_marked))
    def _type_on(event: KeyPressEvent) -> None:
        if event.data.isalnum():
            _part(event.current_buffer)
        event.current_buffer.insert_text(event.data)

    return keys


def take_marked(buffer: Buffer) -> bool:
    """Take the choice that is marked; False when none is."""
    if _marked(buffer) is None:
        return False
    word = _word_marked(buffer)
    buffer.complete_state = None
    if word:
        _part(buffer)
    return True


def _marked(buffer: Buffer) -> Completion | None:
    """Return the choice that is marked, and stands in the line already."""
    return buffer.complete_state.current_completion if buffer.complete_state is not None else None


def _part(buffer: Buffer) -> None:
    """Put a blank behind the word, where none is."""
    if not buffer.document.current_char.strip("\n"):
        buffer.insert_text(" ")


def _word_marked(buffer: Buffer | None = None) -> bool:
    """Whether the choice that is marked names something that goes along with the message."""
    choice = _marked(buffer or get_app().current_buffer)
    return choice is not None and choice.text.startswith("@") and not choice.text.endswith(_GOES_ON)


def _sole() -> bool:
    """Whether exactly one completion is offered, and it is not a command, to which arguments may belong."""
    buffer = get_app().current_buffer
    state = buffer.complete_state
    command = buffer.text.startswith("/") and " " not in buffer.text
    return state is not None and len(state.completions) == 1 and not command
