"""The pieces of the standing prompt, each by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from lra.chat.live import Live
from lra.chat.live_screen import LiveScreen
from lra.chat.notify import call_for
from lra.chat.painter import _measured, rewraps
from lra.chat.pastes import Pastes
from lra.chat.preferences import Preferences
from lra.chat.queue import Message, Pending
from lra.chat.render import Busy
from lra.chat.reports import Reports, _Parser, is_light
from lra.chat.status import Status
from lra.chat.width import cells


def ticking(step: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step


def live(pending: Pending | None = None, step: float = 1.0) -> Live:
    clock = ticking(step)
    return Live(pending or Pending(), lambda text, _style: text, clock=lambda: next(clock))


def test_what_goes_on_is_told_after_a_moment() -> None:
    area = live(step=0.3)
    area.busy = Busy("thinking")
    assert area.lines(80, 8) == []
    assert area.lines(80, 8)[0].endswith("thinking 1 s · Esc stops")
    area.busy = None
    assert area.lines(80, 8) == []


def test_a_countdown_counts_down() -> None:
    area = live()
    area.busy = Busy("waiting", 5)
    assert "waiting 4 s" in area.lines(80, 8)[0]
    assert "waiting 3 s" in area.lines(80, 8)[0]


def test_a_tool_has_its_time_and_the_end_of_its_output() -> None:
    area = live()
    area.began("1", "build(x=1)")
    area.heard("1", "one\ntwo\nthree\nfo")
    area.heard("1", "ur\r\nfi")
    lines = area.lines(80, 8)
    assert lines[0].endswith("build(x=1) 1 s")
    assert lines[1:] == ["  three", "  four", "  fi"]
    area.ended("1")
    assert area.lines(80, 8) == []
    area.heard("1", "late")


def test_it_never_grows_beyond_its_rows_and_what_is_asked_comes_first() -> None:
    pending = Pending()
    for number in range(9):
        pending.put(Message(f"message {number}"))
    area = live(pending)
    area.tail = lambda most: [f"tail {number}" for number in range(most)]
    for number in range(5):
        area.began(str(number), f"tool_{number}()")
    area.question = [("? allow this", "warning"), ("  because", "dim")]
    for rows in range(10):
        assert len(area.lines(40, rows)) <= rows
    assert area.lines(40, 2) == ["? allow this", "  because"]
    assert all(cells(line) <= 40 for line in area.lines(40, 9))
    area.question *= 4
    assert area.lines(40, 3) == ["? allow this", "  because", "  … v shows all of it"]
    assert area.lines(40, 1) == ["? allow this"]


def test_the_queue_is_short_and_says_what_can_be_done() -> None:
    pending = Pending()
    pending.put(Message("one\ntwo"))
    area = live(pending)
    assert area.lines(60, 8) == ["… queued: one two · Up edits"]
    for text in ("a long message " * 9, "レビュー" * 20):
        wordy = Pending()
        wordy.put(Message(text))
        (line,) = live(wordy).lines(60, 8)
        assert line.endswith("… · Up edits")
        assert cells(line) <= 60
    for number in range(4):
        pending.put(Message(f"more {number}"))
    assert area.lines(60, 8) == ["… queued: one two", "… queued: more 0", "… and 3 more · Up edits"]
    pending.hold()
    assert area.lines(60, 8)[-1] == "… and 3 more · Enter sends, Esc drops"
    # Beside a question these keys mean something else.
    area.question = [("? allow this", "warning")]
    assert area.lines(60, 8)[-2:] == ["… and 3 more", "? allow this"]


def test_the_status_line_drops_what_matters_least() -> None:
    status = Status(
        model="openai:gpt", title="A talk about the garden", context=0.25, cost=0.5, memory="12 memories", tasks=3
    )
    assert status.line(200) == (
        "openai:gpt · A talk about the garden · context 25% · $0.5000 · 12 memories · 3 tasks open"
    )
    seen = [status.line(width) for width in range(100, 8, -1)]
    assert all(cells(line) <= width for line, width in zip(seen, range(100, 8, -1), strict=True))
    gone = ["garden", "12 memories", "3 tasks", "$0.5", "context"]
    lengths = [max((number for number, line in enumerate(seen) if part in line), default=-1) for part in gone]
    assert lengths == sorted(lengths)
    assert "openai:gpt" in status.line(12)
    assert Status(loading="loading").line(80) == "loading"
    assert Status(context=0.5).line(80) == "context 50%"
    assert Status(context=1.12).line(80) == "context full"


def test_pastes() -> None:
    pastes = Pastes()
    assert pastes.shorten("one\r\ntwo\rthree") == "one\ntwo\nthree"
    long = "\n".join(str(number) for number in range(1000))
    chip = pastes.shorten(long)
    assert chip == "[pasted 1,000 lines]"
    assert pastes.shorten(long) == chip
    other = pastes.shorten("\n".join(str(number) for number in range(1000, 2000)))
    assert other == "[pasted 1,000 lines #2]"
    assert pastes.expand(f"a {chip} b {other} c [pasted 3 lines]").startswith(f"a {long} b 1000\n")
    assert pastes.expand(f"{other}").endswith("1999")
    assert pastes.ending(f"see {chip}") == len(chip)
    assert pastes.ending("see this") == 0
    assert pastes.shorten("x" * 5000) == "[pasted 5,000 characters]"


def test_a_line_break_cut_in_two_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    screen = LiveScreen(pending=Pending(), on_gone=lambda: None)
    for chunk in ("```\r", "\none\r", "\ntwo\x1b[2J\r", "\n```\r", "\n"):
        screen.text(chunk)
    screen.end_line()
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert [line.strip() for line in shown.splitlines()][-2:] == ["one", "two\ufffd[2J"]
    assert "\x1b" not in shown


def test_preferences_are_private_and_survive_nonsense(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    assert (Preferences(home).theme, Preferences(home).keys) == (None, "emacs")
    Preferences(home).keep(theme="light")
    Preferences(home).keep(keys="vi")
    again = Preferences(home)
    assert (again.theme, again.keys) == ("light", "vi")
    assert (home / "ui.json").stat().st_mode & 0o777 == 0o600
    for nonsense in ("[1]", "{", json.dumps({"theme": 3, "keys": ["vi"]})):
        (home / "ui.json").write_text(nonsense)
        assert (Preferences(home).theme, Preferences(home).keys) == (None, "emacs")
    (tmp_path / "file").write_text("")
    Preferences(tmp_path / "file").keep(theme="dark")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TERM": "xterm-256color"}, "\a"),
        ({"TERM": "xterm", "TERM_PROGRAM": "WezTerm"}, "\x1b]9;a, b\x1b\\\a"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7003"}, "\x1b]777;notify;lra;a, b\x1b\\\a"),
        ({"TERM": "tmux-256color", "TMUX": "x", "VTE_VERSION": "7003"}, "\a"),
    ],
)
def test_calls(environ: dict[str, str], expected: str) -> None:
    assert call_for("a; b\x1b\x07", environ) == expected


def test_focus_reports_are_no_keys_and_arrive_in_pieces() -> None:
    keys: list[KeyPress] = []
    focus = Reports()
    parser = _Parser(Vt100Parser(keys.append), focus)
    assert (focus.known, focus.here) == (False, True)
    for piece in ("a\x1b[", "O", "b\x1b[Ic"):
        parser.feed(piece)
    assert [key.data for key in keys if key.data.isalpha()] == ["a", "b", "c"]
    assert (focus.known, focus.here) == (True, True)
    parser.feed("\x1b[O")
    assert not focus.here
    parser.feed("\x1b[A")
    assert str(keys[-1].key) == "Keys.Up"


@pytest.mark.parametrize(
    ("colour", "light"),
    [
        ("rgb:ffff/ffff/ffff", True),
        ("rgb:fd/f6/e3", True),
        ("rgba:0000/2b2b/3636/ffff", False),
        ("#fdf6e3", True),
        ("rgb:0/0/8", False),
        ("green", None),
    ],
)
def test_whether_a_background_is_light(colour: str, light: bool | None) -> None:
    assert is_light(colour) is light


@pytest.mark.parametrize("end", ["\x07", "\x1b\\"])
def test_the_answer_about_the_background_is_no_keys_also_in_pieces(end: str) -> None:
    answer = f"\x1b]11;rgb:ffff/ffff/ffff{end}"
    for cut in range(1, len(answer)):
        keys: list[KeyPress] = []
        said: list[bool] = []
        reports = Reports(said.append)
        parser = _Parser(Vt100Parser(keys.append), reports)
        reports.ask()
        for piece in ("a" + answer[:cut], answer[cut:] + "b"):
            parser.feed(piece)
        if cut == 1:
            # Escape alone is a key; nobody cuts an answer there.
            continue
        assert said == [True], cut
        assert [key.data for key in keys] == ["a", "b"], cut


def test_what_only_looks_like_an_answer_is_keys() -> None:
    keys: list[KeyPress] = []
    reports = Reports()
    parser = _Parser(Vt100Parser(keys.append), reports)
    reports.ask()
    parser.feed("\x1b]1")
    parser.flush()
    assert "".join(key.data for key in keys) == "\x1b]1"


@pytest.mark.parametrize("cut", [0, 1, 2])
@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        ("\x1b[1;3A", None),
        ("\x1b[3;3~", None),
        ("\x1b[1;3Q", None),
        ("\x1b[5;5~", None),
        ("\x1b[1;4C", None),
        ("\x1b[15;5~", None),
        ("\x1b[?1;2c", None),
        ("\x1b[31m", None),
        ("\x1b[<0;3;4M", None),
        ("\x1b[1;3D", Keys.ControlLeft),
        ("\x1b[1;3C", Keys.ControlRight),
        ("\x1b[27;2;13~", Keys.ControlJ),
        ("\x1b[13;2u", Keys.ControlJ),
        ("\x1b[A", Keys.Up),
        ("\x1b[1;5D", Keys.ControlLeft),
        ("\x1bOA", Keys.Up),
        ("\x1b[3~", Keys.Delete),
    ],
)
def test_keys_that_nobody_knows_are_none_and_never_esc(sequence: str, key: Keys | None, cut: int) -> None:
    keys: list[KeyPress] = []
    parser = _Parser(Vt100Parser(keys.append), Reports())
    # In one piece, and cut in the middle or before its end.
    at = len(sequence) - 1 if cut == 2 else (cut and max(2, len(sequence) // 2))
    for piece in (f"a{sequence[:at]}", f"{sequence[at:]}b"):
        parser.feed(piece)
    pressed = [press.key for press in keys if press.key != Keys.Ignore]
    assert pressed == ["a", *([key] if key else []), "b"]


def test_esc_alone_and_with_a_letter_and_a_paste_of_sequences_stay() -> None:
    keys: list[KeyPress] = []
    parser = _Parser(Vt100Parser(keys.append), Reports())
    for piece in ("\x1b", "x"):
        parser.feed(piece)
    parser.feed("\x1b")
    parser.flush()
    parser.feed("\x1b[")
    parser.flush()
    assert [press.key for press in keys] == [Keys.Escape, "x", Keys.Escape, Keys.Escape, "["]
    keys.clear()
    parser.feed("c\x1b[200~red \x1b[31m and \x1b[1;3Q")
    parser.feed(" all\x1b[201~d\x1b[1;3Qe")
    assert [press.key for press in keys] == ["c", Keys.BracketedPaste, "d", "e"]
    assert keys[1].data == "red \x1b[31m and \x1b[1;3Q all"


def test_only_lines_of_certain_length_are_inserted() -> None:
    assert _measured("one\ntwo\n", 10) == ["one", "two"]
    assert _measured("", 10) == []
    assert _measured("\x1b[1mbold\x1b[0m\n", 6) == ["\x1b[1mbold\x1b[0m"]
    assert _measured("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\\n", 6) is not None
    assert _measured("0123456789\n", 10) is None
    assert _measured("日本語日\n", 9) == ["日本語日"]
    assert _measured("日本語日\n", 8) is None
    assert _measured("\tx\n", 10) == ["\tx"]
    assert _measured("\t\tx\n", 10) is None


def test_which_terminals_wrap_anew() -> None:
    assert rewraps({"TMUX": "/tmp/x"})
    assert not rewraps({"TERM": "xterm"})


def test_a_paste_of_many_megabytes_is_taken_piece_by_piece() -> None:
    keys: list[KeyPress] = []
    parser = _Parser(Vt100Parser(keys.append), Reports())
    parser.feed("a\x1b[200~")
    for number in range(50_000):
        parser.feed(f"{number:08} " + "x" * 1_000)
    # The mark at its end comes in two pieces.
    parser.feed("end\x1b[20")
    parser.feed("1~b\x1b[200~again\x1b[201~")
    assert [key.key for key in keys] == ["a", Keys.BracketedPaste, "b", Keys.BracketedPaste]
    pasted = keys[1].data
    assert pasted.startswith("00000000 x")
    assert pasted.endswith("xend")
    assert len(pasted) == 50_000 * 1_009 + 3
    assert keys[3].data == "again"
