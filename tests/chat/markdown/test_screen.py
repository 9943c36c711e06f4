"""What a terminal shows after an answer has streamed: screen and scrollback as if it had been printed at once."""

from __future__ import annotations

import re

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st

from lra.chat.markdown import AnswerStream
from lra.chat.theme import Theme
from tests.chat.markdown.documents import chunks, documents

ROWS, TAIL = 12, 4
DARK = Theme("dark", 24)


class Terminal:
    """A terminal with a tail below what is committed, wiped and drawn anew for every chunk."""

    def __init__(self, width: int) -> None:
        self.screen = pyte.HistoryScreen(width, ROWS, history=100_000)
        self._stream = pyte.Stream(self.screen)
        self._tail = 0

    def write(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))

    def paint(self, committed: str, tail: list[str]) -> None:
        up = f"\x1b[{self._tail - 1}A" if self._tail > 1 else ""
        self.write(f"\r{up}\x1b[J{committed}" + "\n".join(tail))
        self._tail = len(tail)

    @property
    def lines(self) -> list[str]:
        above = ["".join(row[place].data for place in range(self.screen.columns)) for row in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*above, *self.screen.display]).rstrip().split("\n")


@given(st.data(), documents(), st.integers(20, 100), st.booleans())
@settings(max_examples=60, deadline=None)
def test_scrollback_after_streaming_is_the_one_shot_render(
    data: st.DataObject, text: str, width: int, colour: bool
) -> None:
    # pyte adds up what is joined to one emoji, and breaks a full line before the marks of its last character.
    text = re.sub("[\u200b\u200d\U0001f3fd\u0301\u0323]", "", text)
    pieces = data.draw(chunks(text))
    streamed, printed = Terminal(width), Terminal(width)
    answer = AnswerStream(width, DARK, colour=colour)
    for piece in pieces:
        streamed.paint(answer.feed(piece), answer.tail(TAIL))
    streamed.paint(answer.close(), [])
    at_once = AnswerStream(width, DARK, colour=colour)
    printed.write(at_once.feed(text) + at_once.close())
    assert streamed.lines == printed.lines


def test_a_long_answer_leaves_no_debris() -> None:
    text = "".join(
        f"# Part {number}\n\nSome *words* that are long enough to be wrapped at this width, {number}.\n\n"
        f"1. one\n2. two\n\n```python\ndef f{number}():\n    return {number}\n```\n\n"
        f"| a | b |\n|---|---|\n| {number} | x |\n\n"
        for number in range(30)
    )
    terminal, answer = Terminal(40), AnswerStream(40, DARK)
    for place in range(0, len(text), 7):
        terminal.paint(answer.feed(text[place : place + 7]), answer.tail(TAIL))
    terminal.paint(answer.close(), [])
    for number in range(30):
        for line in (f"Part {number}", f"def f{number}():", f"    return {number}", f"{number} │ x"):
            assert terminal.lines.count(line) == 1
    assert terminal.lines.count("1. one") == 30
    assert len(terminal.lines) == 30 * 16 - 1
