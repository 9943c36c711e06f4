"""The keys of the prompt: which they are, and what people are told of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit.filters import FilterOrBool
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that keys do.

    Args:
        shown: The keys as people write them.
        does: What `/keys` says of them.
        pressed: Each way to press them, as the prompt's library names keys; what the library binds itself as well
            has its names here all the same.
    """

    shown: str
    does: str
    pressed: tuple[tuple[str, ...], ...]

    def on(self, keys: KeyBindings, filter: FilterOrBool) -> Callable[[Callable[[KeyPressEvent], None]], None]:
        """Bind the decorated function to every way of pressing them."""

        def bind(action: Callable[[KeyPressEvent], None]) -> None:
            for names in self.pressed:
                keys.add(*names, filter=filter)(action)

        return bind


SEND = Key(
    "Enter", "send; queue while an answer is written; with nothing typed, let held messages go on", (("enter",),)
)
NEW_LINE = Key("Alt-Enter, Ctrl-J, \\ at the end", "new line", (("escape", "enter"), ("c-j",)))
EARLIER = Key(
    "Up, Down",
    "earlier lines; Up in an empty line takes back what was queued last, then the one before",
    (("up",), ("down",)),
)
SEARCH = Key("Ctrl-R", "search in earlier lines", (("c-r",),))
COMMAND = Key(
    "/", "begin a command; a message that came back into the line makes room, and Up brings it again", (("/",),)
)
COMPLETE = Key("Tab", "complete /commands and @files, @memory:, @session:", (("tab",),))
STOP = Key("Esc, Ctrl-C", "stop the answer, then clear what waits, then the line", (("escape",), ("c-c",)))
REWIND = Key("Esc Esc", "in an empty line, pick a turn to go back to", (("escape", "escape"),))
STEER = Key("Ctrl-S", "give the line to the running answer; without one, send it", (("c-s",),))
UNDO = Key("u", "alone in an empty line, take back what was just remembered", (("u",),))
EDIT = Key("Ctrl-X Ctrl-E, Ctrl-G", "edit the line in your editor", (("c-x", "c-e"), ("c-g",)))
REDRAW = Key("Ctrl-L", "draw anew; what stands above stays", (("c-l",),))
SUSPEND = Key("Ctrl-Z", "suspend; fg comes back", (("c-z",),))
LEAVE = Key("Ctrl-D", "leave; after the running answer, or at once when pressed again", (("c-d",),))

KEYMAP = (
    SEND, NEW_LINE, EARLIER, SEARCH, COMMAND, COMPLETE, STOP, REWIND, STEER, UNDO, EDIT, REDRAW, SUSPEND, LEAVE,
)  # fmt: skip
"""Every key, in the order in which they are told."""
