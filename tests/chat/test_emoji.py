"""Emoji made of several characters, in the line that is edited."""

from __future__ import annotations

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.layout.controls import BufferControl
from prompt_toolkit.layout.processors import TransformationInput

from lra.chat.emoji import SingleEmoji, _ending_at, _starting_at, first_alone
from tests.chat.conftest import Start

FAMILY = "👨\u200d👩\u200d👧"
HAND = "👍🏽"
HEART = "❤\ufe0f"


def shown(text: str) -> tuple[str, list[int], list[int]]:
    buffer = Buffer(document=Document(text))
    source = TransformationInput(
        BufferControl(buffer), buffer.document, 0, lambda at: at, [("", text)], len(text) + 2, 1
    )
    done = SingleEmoji().apply_transformation(source)
    made = "".join(fragment[1] for fragment in done.fragments)
    return made, [done.source_to_display(at) for at in range(len(text) + 1)], [
        done.display_to_source(at) for at in range(len(made) + 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (f"a{FAMILY}b", "a👨👩👧b"),
        (f"{HAND}{HEART}!", "👍❤!"),
        ("👩🏽\u200d💻", "👩💻"),
        ("1\ufe0f\u20e3", "1\u20e3"),
        # What joins the letters of a script stays, and so does a tone alone.
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("🏽", "🏽"),
        ("🇩🇪 日本 e\u0301", "DE 日本 e\u0301"),
    ],
)
def test_joined_emoji_are_shown_as_single_ones(text: str, made: str) -> None:
    assert shown(text)[0] == made


def test_lines_that_come_and_go_show_the_first_of_joined_emoji() -> None:
    assert first_alone(f"\x1b[1ma{FAMILY}b\x1b[0m {HAND} {HEART} 🇩🇪 日本") == "\x1b[1ma👨b\x1b[0m 👍 ❤ DE 日本"
    assert first_alone("क\u094d\u200dष") == "क\u094d\u200dष"


def test_the_cursor_is_where_the_line_shows_it() -> None:
    _, to_display, to_source = shown(f"a{FAMILY}b")
    assert to_display == [0, 1, 2, 2, 3, 3, 4, 5]
    assert to_source == [0, 1, 2, 4, 6, 7]


def test_one_of_them_is_one_character() -> None:
    line = f"a{FAMILY}{HAND}b"
    assert (_starting_at(line, 1), _ending_at(line, 6)) == (5, 5)
    assert (_starting_at(line, 6), _ending_at(line, 8)) == (2, 2)
    assert (_starting_at("🇩🇪🇨🇭", 0), _ending_at("🇩🇪🇨🇭", 4), _ending_at("🇩🇪🇨🇭", 3)) == (2, 2, 0)
    assert (_starting_at(line, 0), _ending_at(line, 1), _ending_at(line, 3)) == (0, 0, 0)


def test_editing_a_line_with_some(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.send(f"one {FAMILY} two {HAND}")
    chat.wait(lambda it: "two" in it.line)
    chat.press("backspace")
    chat.wait(lambda it: it.line.endswith("two"))
    # Over " two " and the family, which is one step.
    chat.press(*["left"] * 6)
    chat.send("X")
    chat.wait(lambda it: it.line.startswith("> one X"))
    chat.press("ctrl-c")
    chat.wait(lambda it: it.line == ">")
    chat.send("ab🇩🇪cd")
    chat.press(*["left"] * 5)
    chat.send("H")
    chat.wait(lambda it: it.line == "> HabDEcd")


def test_a_colour_that_a_program_types_is_no_mouse(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.send("hello \x1b[31mred\x1b[0m world")
    chat.wait(lambda it: it.line == "> hello red world")
