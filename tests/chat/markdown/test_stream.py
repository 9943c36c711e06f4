"""However an answer is cut into chunks, the same text stands in the end, and nothing of it is written twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lra.chat.markdown import AnswerStream, inline, parser
from lra.chat.markdown.spans import Span
from lra.chat.theme import Theme
from tests.chat.markdown.documents import chunks, documents

DARK = Theme("dark", 24)
# The only control sequences of ours: SGR, and OSC 8 with its end.
OWN = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[\x21-\x7e]*\x1b\\")


def one_shot(text: str, width: int, *, colour: bool = True, ascii: bool = False) -> str:
    stream = AnswerStream(width, DARK, colour=colour, ascii=ascii)
    return stream.feed(text) + stream.close()


@given(st.data(), documents(), st.integers(20, 200), st.booleans(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_streamed_is_one_shot_byte_for_byte(
    data: st.DataObject, text: str, width: int, colour: bool, ascii: bool
) -> None:
    pieces = data.draw(chunks(text))
    stream = AnswerStream(width, DARK, colour=colour, ascii=ascii)
    committed = []
    for piece in pieces:
        committed.append(stream.feed(piece))
        assert committed[-1] == "" or committed[-1].endswith("\n")
        stream.tail(3)
    committed.append(stream.close())
    assert "".join(committed) == one_shot(text, width, colour=colour, ascii=ascii)
    assert stream.close() == ""
    assert stream.tail(5) == []


@given(documents(), st.integers(20, 120), st.booleans())
@settings(max_examples=150, deadline=None)
def test_nothing_from_outside_drives_the_terminal(text: str, width: int, colour: bool) -> None:
    stream = AnswerStream(width, DARK, colour=colour)
    shown = stream.feed(text) + "\n".join(stream.tail(1000)) + stream.close()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]", OWN.sub("", shown))
    if not colour:
        assert "\x1b" not in shown
    for line in shown.split("\n"):
        # No style and no link reaches beyond its line.
        assert line.count("\x1b[0m") == len(re.findall(r"\x1b\[(?!0m)[0-9;]*m", line))
        assert line.count("\x1b]8;;\x1b") == len(re.findall(r"\x1b\]8;;[^\x1b]", line))


@given(documents(), st.integers(20, 120), st.integers(1, 6), st.booleans())
@settings(max_examples=150, deadline=None)
@example("```python\n" + "x = '" + "y" * 300, 40, 3, True)
def test_the_tail_fits(text: str, width: int, most: int, colour: bool) -> None:
    stream = AnswerStream(width, DARK, colour=colour)
    for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
        stream.feed(piece)
        tail = stream.tail(most)
        assert len(tail) <= most
        assert not any("\x1b]" in line or "\t" in line for line in tail)
        assert all(columns(line) <= width for line in tail)


@given(documents())
@settings(max_examples=100, deadline=None)
def test_the_tail_is_what_would_be_written_if_it_ended_here(text: str) -> None:
    stream = AnswerStream(200, DARK, hyperlinks=False, colour=False)
    stream.feed(text)
    tail = stream.tail(10_000)
    rest = stream.close().split("\n")[:-1]
    if tail != [line.expandtabs(8) for line in rest]:
        # Only the end of code that is still open is not shown, nor are lines that do not fit.
        unclosed = tail == rest[: len(tail)] and re.fullmatch("[> ]*(`{3,}|~{3,})", rest[-1])
        assert unclosed or max(map(columns, rest)) > 200


def columns(line: str) -> int:
    from rich.cells import cell_len

    return cell_len(OWN.sub("", line))


LIST = "Steps:\n\n1. first\n2. second\n   - inner\n   - inner two\n3. third"
CODE = "Look:\n\n```python\ndef f():\n    return 1\n\nprint(f())"


@pytest.mark.parametrize(
    ("text", "done", "open_"),
    [
        ("One para\nof two lines", "", "One para of two lines"),
        ("One.\n\nTwo", "One.\n", "\nTwo"),
        (LIST, "Steps:\n\n1. first\n2. second\n   - inner\n", "   - inner two\n3. third"),
        (CODE, "Look:\n\n```python\ndef f():\n    return 1\n\n", "print(f())"),
        ("- a\n  ```\n  x\n  y", "- a\n\n```\nx\n", "y"),
        ("# Title\nText", "# Title\n", "\nText"),
        ("|a|b|\n|-|-|\n|1|2|\n", "", "a | b\n--+--\n1 | 2"),
        ("> quoted\n> more\n\nx", "> quoted more\n", "\nx"),
    ],
)
def test_what_is_finished_is_committed_at_once(text: str, done: str, open_: str) -> None:
    stream = AnswerStream(60, Theme("plain", 0))
    assert "".join(stream.feed(char) for char in text) == done
    assert "\n".join(stream.tail(20)) == open_


@pytest.mark.parametrize("begun", ["-", "--", "==", "#", "1", "2.", "|--", "```", "> -"])
def test_what_can_become_anything_does_not_flash(begun: str) -> None:
    stream = AnswerStream(60, Theme("plain", 0))
    stream.feed(f"Steps:\n{begun}")
    assert stream.tail(5) == ["Steps:"]
    # What it has become is said once it is known.
    assert stream.close() != ""


def test_code_may_be_made_of_marks() -> None:
    stream = AnswerStream(60, Theme("plain", 0))
    stream.feed("```\n--")
    assert stream.tail(5) == ["--"]
    stream.feed("\n``")
    assert stream.tail(5) == []


def test_a_paragraph_nobody_reads_is_not_parsed() -> None:
    stream = AnswerStream(60, Theme("plain", 0))
    stream.feed("[" * 20_000 + "\n*x*")
    assert stream.close().replace("\n", "") == "[" * 20_000 + " *x*"


def test_blocks_are_kept_for_copying() -> None:
    text = "a\r\n```py\r\nx = 1\r\n\r\ty\r\n```\r\n- b\n  ~~~\n  one\n    two\n  ~~~\n\n    indented\n```\nhalf"
    stream = AnswerStream(40, DARK)
    for char in text:
        stream.feed(char)
    assert stream.blocks == ["x = 1\n\n\ty", "one\n  two", ""]
    stream.close()
    assert stream.blocks == ["x = 1\n\n\ty", "one\n  two", "half"]


def test_a_new_width_holds_from_then_on() -> None:
    width = 20
    stream = AnswerStream(lambda: width, Theme("plain", 0))
    text = "words that take more than twenty columns\n\n"
    assert stream.feed(text) == "words that take more\nthan twenty columns\n"
    width = 80
    assert stream.feed(text) == "\nwords that take more than twenty columns\n"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what the parser and the inline part were given to read."""
    lengths: list[int] = []
    spans, line = inline.Inline.spans, parser.BlockParser.line

    def counted_spans(self: inline.Inline, text: str, role: str = "plain") -> list[Span]:
        lengths.append(len(text))
        return spans(self, text, role)

    def counted_line(self: parser.BlockParser, text: str) -> None:
        lengths.append(len(text))
        line(self, text)

    monkeypatch.setattr(inline.Inline, "spans", counted_spans)
    monkeypatch.setattr(parser.BlockParser, "line", counted_line)
    return lengths


def test_everything_is_read_once(read: list[int]) -> None:
    text = "- item *one*\n  more of it\n\n  ```\n  code\n  ```\n" * 50 + "| a | b |\n|--|--|\n" + "| 1 | 2 |\n" * 100
    stream = AnswerStream(80, DARK)
    for char in text:
        stream.feed(char)
    stream.close()
    # Once for the blocks, once for what is in them.
    assert sum(read) < 2 * len(text)


@pytest.mark.parametrize("text", ["word *emphasis* " * 20_000, "word *emphasis*\n" * 20_000])
def test_of_a_paragraph_without_end_the_tail_reads_the_end_alone(text: str, read: list[int]) -> None:
    stream = AnswerStream(80, DARK)
    stream.feed(text)
    read.clear()
    tail = stream.tail(4)
    assert len(tail) == 4
    assert "emphasis" in tail[-1]
    assert sum(read) < 5_000
