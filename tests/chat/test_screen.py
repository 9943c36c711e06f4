from __future__ import annotations

import io
import time

import pytest

from lra.chat.render import Busy, EndLine, Line, Say
from lra.chat.screen import Screen, wants_plain
from lra.chat.table import ago, rows
from lra.chat.theme import Theme
from lra.chat.width import cells, clip, fold


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Ascii(Tty):
    encoding = "ascii"


def test_answer_and_lines_share_a_terminal() -> None:
    out = Tty()
    screen = Screen(plain=True, out=out)
    for piece in (Say("half"), Line("note", "dim"), Say("rest"), EndLine(), EndLine()):
        screen.show(piece)
    assert out.getvalue() == "half\nnote\nrest\n"


def test_only_the_answer_goes_to_a_pipe() -> None:
    out, side = io.StringIO(), io.StringIO()
    screen = Screen(plain=True, out=out, side=side)
    for piece in (Say("an"), Line("note"), Say("swer"), EndLine()):
        screen.show(piece)
    assert (out.getvalue(), side.getvalue()) == ("answer\n", "note\n")


def test_colour_surrounds_each_line_and_plain_has_none() -> None:
    out = Tty()
    screen = Screen(plain=False, out=out)
    screen.theme = Theme("dark", 4)
    screen.line("a\nb", "error")
    assert out.getvalue() == "\x1b[1;31ma\x1b[0m\n\x1b[1;31mb\x1b[0m\n"
    out = Tty()
    Screen(plain=True, out=out).line("a", "error")
    assert out.getvalue() == "a\n"


def test_nothing_drives_the_terminal() -> None:
    out = Tty()
    screen = Screen(plain=True, out=out)
    screen.text("a\x1b]0;title\x07\rb\x9bc")
    screen.line("\x1b[31mred\x00")
    assert not set(out.getvalue()) & set("\x1b\x07\r\x9b\x00")


def test_what_goes_on_is_never_written_where_nothing_can_be_wiped() -> None:
    out = Tty()
    screen = Screen(plain=True, out=out)
    screen.show(Busy("thinking"))
    screen.tick()
    assert out.getvalue() == ""


def test_a_terminal_without_unicode_gets_words_it_can_show() -> None:
    out = Ascii()
    Screen(plain=True, out=out).line("⚙ call(…) → “x” · 字")
    assert out.getvalue().startswith('* call(...) -> "x" - ')


def test_a_result_that_is_a_patch_is_drawn_and_an_example_in_a_text_is_not() -> None:
    patch = "--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n-one\n+two\n"
    for content, drawn in ((patch, True), (f"Edited x.txt:\n\n{patch}", True), ("A line.\n" * 9 + patch, False)):
        out = Tty()
        Screen(plain=True, out=out).patch(content)
        assert ("+ two" in out.getvalue()) is drawn, content


def test_a_reader_that_left_is_told_of_once() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    calls: list[int] = []
    screen = Screen(plain=True, out=Gone(), side=io.StringIO(), on_gone=lambda: calls.append(1))
    screen.text("a")
    screen.text("b")
    assert calls == [1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TERM", "xterm", False),
        ("TERM", "dumb", True),
        ("NO_COLOR", "1", True),
        ("NO_COLOR", "", False),
        ("ACCESSIBLE", "1", True),
    ],
)
def test_when_it_is_plain(monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: bool) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("ACCESSIBLE", raising=False)
    monkeypatch.setenv(name, value)
    assert wants_plain(False, Tty()) is expected
    assert wants_plain(True, Tty())
    assert wants_plain(False, io.StringIO())


def test_width() -> None:
    assert cells("a字é") == 4
    assert clip("one\n two", 20) == "one two"
    assert clip("字字字", 6) == "字字字"
    assert clip("字字字", 5) == "字字…"
    # What is seen as one character is measured and kept as one.
    assert [cells(text) for text in ("👩‍👩‍👧", "⚠️", "👍🏽", "🇩🇪", "e\u0301")] == [2, 2, 2, 2, 1]
    assert clip("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5) == "👩‍👩‍👧👩‍👩‍👧…"
    assert clip("👍🏽👍🏽", 3) == "👍🏽…"
    assert fold("  one two three", 20) == "  one two three"
    assert fold("  one two three four five", 20) == "  one two three four\n  five"


def test_tables_align_and_fit() -> None:
    lines = rows([("字", "a", "x" * 100), ("bcd", "", "short")], 60)
    assert lines[1] == "  bcd     short"
    assert lines[0].startswith("  字   a  xxx")
    assert all(cells(line) < 60 for line in lines)
    assert rows([], 60) == []
    assert rows([("ab", "one two three four five six")], 28, whole=True) == [
        "  ab  one two three four",
        "      five six",
    ]
    narrow = rows([("a long name of something", "what it does, told in a line or two")], 30, whole=True)
    assert narrow == ["  a long name of something", "    what it does, told in a", "    line or two"]


def test_ago() -> None:
    now = time.time()
    for seconds, expected in ((5, "just now"), (125, "2 min ago"), (7300, "2 h ago"), (3 * 86_400, "3 d ago")):
        assert ago(int((now - seconds) * 1_000_000), now) == expected
    assert ago(0, now).startswith("19")
