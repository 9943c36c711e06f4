"""Key bindings of the prompt."""

from __future__ import annotations

from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus, is_searching
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


def prompt_keys() -> KeyBindings:
    """Return the bindings: Enter sends, Alt-Enter and a trailing backslash begin a new line."""
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER) & ~is_searching

    @keys.add("enter", filter=typing)
    def _send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=typing)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("c-c", filter=typing)
    def _give_up(event: KeyPressEvent) -> None:
        # A line given up by mistake is one arrow key away.
        if event.current_buffer.text:
            event.current_buffer.append_to_history()
        text = event.current_buffer.text
        event.app.exit(exception=KeyboardInterrupt(text) if text else KeyboardInterrupt(), style="class:aborting")

    return keys
