"""Emoji that are made of several characters, in lines that are changed while they stand on the terminal.

A terminal may draw a family as one emoji or as three, and a hand with or without its skin's colour beside it. Where
the cursor is, is known only if all agree; so the line that is edited shows the single emoji that they are made of, and
moves over and deletes them as one, and lines that come and go show the first of them. The two letters of a flag take
two columns on most, and four by the tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition, Filter
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments

_TONE = "\U0001f3fb-\U0001f3ff"
_SELECTOR = "\ufe0e\ufe0f"
_JOINER = "\u200d"
_PART = rf"[^\x00-\u203b{_TONE}][{_SELECTOR}]?[{_TONE}]?"
# Joiners also stand between the letters of a script, where they have to stay.
_LETTERS = "\U0001f1e6-\U0001f1ff"
"""A flag is two of these: the letters of its country."""
_JOINED = re.compile(
    rf"[{_LETTERS}]{{2}}|{_PART}(?:{_JOINER}{_PART})+|[^\x00-\u203b{_TONE}][{_SELECTOR}{_TONE}]+|[0-9#*]\ufe0f"
)
_LETTER = re.compile(f"[{_LETTERS}]")
_UNSEEN = re.compile(f"[{_JOINER}{_SELECTOR}{_TONE}]")


class SingleEmoji(Processor):
    """Shows joined emoji as the single ones they are made of, and flags as letters."""

    def apply_transformation(self, ti: TransformationInput) -> Transformation:
        """Leave out what joins them."""
        text = "".join(fragment[1] for fragment in ti.fragments)
        hidden = {
            found.start() + at.start() for found in _JOINED.finditer(text) for at in _UNSEEN.finditer(found.group())
        }
        if not hidden and not _LETTER.search(text):
            return Transformation(ti.fragments)
        places: list[int] = []
        shown: StyleAndTextTuples = []
        for at, fragment in enumerate(explode_text_fragments(ti.fragments)):
            places.append(len(shown))
            if at not in hidden:
                shown.append((fragment[0], _LETTER.sub(_plain, fragment[1])))
        # The cursor can stand behind the last one.
        places += [len(shown), len(shown) + 1]

        def to_source(place: int) -> int:
            return next((at for at, other in enumerate(places) if other >= place), len(places) - 1)

        return Transformation(shown, source_to_display=places.__getitem__, display_to_source=to_source)


def first_alone(text: str) -> str:
    """Return text with the first emoji of each joined one, as wide as the terminals that join them draw it.

    Args:
        text: May hold escape sequences.
    """
    if text.isascii():
        return text
    return _LETTER.sub(_plain, _JOINED.sub(_first, text))


def emoji_keys(buffer: Callable[[], Buffer], typing: Filter) -> KeyBindings:
    """Return the bindings that take a joined emoji for one character.

    Args:
        buffer: What is edited.
        typing: Whether it is.
    """
    keys = KeyBindings()

    def before() -> int:
        document = buffer().document
        return _ending_at(document.current_line, document.cursor_position_col)

    def behind() -> int:
        document = buffer().document
        return _starting_at(document.current_line, document.cursor_position_col)

    @keys.add("backspace", filter=typing & Condition(lambda: before() > 1))
    def _delete(_event: KeyPressEvent) -> None:
        buffer().delete_before_cursor(before())

    @keys.add("delete", filter=typing & Condition(lambda: behind() > 1))
    def _delete_behind(_event: KeyPressEvent) -> None:
        buffer().delete(behind())

    @keys.add("left", filter=typing & Condition(lambda: before() > 1))
    def _left(_event: KeyPressEvent) -> None:
        buffer().cursor_left(before())

    @keys.add("right", filter=typing & Condition(lambda: behind() > 1))
    def _right(_event: KeyPressEvent) -> None:
        buffer().cursor_right(behind())

    return keys


def _first(joined: re.Match[str]) -> str:
    return joined[0] if _LETTER.match(joined[0]) else joined[0][0]


def _plain(letter: re.Match[str]) -> str:
    return chr(ord(letter[0]) - 0x1F1E6 + ord("A"))


def _ending_at(line: str, place: int) -> int:
    """Return the length of the joined emoji that ends at a place; 0 where none does."""
    return next((place - found.start() for found in _JOINED.finditer(line) if found.end() == place), 0)


def _starting_at(line: str, place: int) -> int:
    found = _JOINED.match(line, place)
    return len(found.group()) if found else 0
