"""What the keys do at the prompt."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lra.chat.reports import QUERY
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import Terminal


def sent(server: ModelServer) -> list[str]:
    """The person's messages of the last request."""
    return [str(message.text) for message in server.last_messages() if message.role == "user"]


@pytest.fixture
def chat(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> Terminal:
    model_server.script(default=say("Understood."))
    terminal = start(**model_env)
    terminal.prompt()
    return terminal


def answered(chat: Terminal, count: int = 1) -> None:
    chat.wait(lambda terminal: terminal.text.count("Understood.") == count)
    chat.prompt()


def test_alt_enter_and_a_trailing_backslash_begin_a_line(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("first")
    chat.press("alt-enter")
    chat.send("second\\")
    chat.press("enter")
    chat.wait("  second")
    chat.send("third\r")
    answered(chat)
    assert sent(model_server)[-1].startswith("first\nsecond\nthird")
    assert "> first\n  second\n  third\n" in chat.text


def test_a_paste_keeps_its_lines_and_waits_for_enter(chat: Terminal, model_server: ModelServer) -> None:
    chat.paste("one\r\ntwo\rthree\n\x1b[31mred")
    chat.wait("three")
    time.sleep(0.3)
    assert not model_server.requests
    chat.press("enter")
    answered(chat)
    assert sent(model_server)[-1].startswith("one\ntwo\nthree\n")


def test_wide_characters_and_emoji(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("日本語 🎉 é")
    chat.wait("🎉")
    chat.press("backspace")
    chat.send("e\r")
    answered(chat)
    assert sent(model_server)[-1].startswith("日本語 🎉 e")


def test_ctrl_c_gives_up_a_line_and_says_how_to_leave(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("never mind")
    chat.wait("never mind")
    chat.press("ctrl-c")
    chat.prompt()
    assert "Ctrl-D or /exit leaves." not in chat.text
    chat.press("ctrl-c")
    chat.wait("Ctrl-D or /exit leaves.")
    chat.prompt()
    # What was given up is in the history.
    chat.press("up")
    chat.wait(lambda terminal: terminal.line == "> never mind")
    assert not model_server.requests


def test_ctrl_d_leaves_only_from_an_empty_line(chat: Terminal) -> None:
    chat.send("text")
    chat.wait("> text")
    chat.press("ctrl-d")
    time.sleep(0.3)
    assert chat.process.poll() is None
    chat.press("ctrl-c")
    chat.prompt()
    chat.press("ctrl-d")
    assert chat.end() == 0


def test_slash_completion(chat: Terminal) -> None:
    chat.send("/rem")
    chat.wait("Keep something in memory as you wrote it")
    chat.press("tab")
    chat.wait(lambda terminal: terminal.line == "> /remember")
    chat.press("enter")
    chat.send(" tea at five\r")
    chat.wait("✎ remembered “tea at five”")
    chat.prompt()


def test_history_across_runs(chat: Terminal, start: Start, home: Path, model_env: dict[str, str]) -> None:
    for number, text in enumerate(("alpha question", "beta question"), 1):
        chat.send(text + "\r")
        answered(chat, number)
    chat.press("ctrl-d")
    assert chat.end() == 0
    assert (home / "data" / "history").stat().st_mode & 0o777 == 0o600

    again = start(**model_env)
    again.prompt()
    again.press("up", "up")
    again.wait(lambda terminal: terminal.line == "> alpha question")
    again.press("ctrl-c")
    again.prompt()
    again.press("ctrl-r")
    again.send("betty")
    again.wait("nothing found: betty")
    again.press("backspace", "backspace")
    again.send("a")
    again.wait("> beta question")
    again.wait(lambda terminal: "nothing found" not in terminal.text)
    again.press("enter")
    again.press("enter")
    again.wait("Understood.")
    again.prompt()


def test_a_draft_outlives_an_earlier_line_that_is_sent_instead(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("first\r")
    answered(chat)
    chat.send("my long draft")
    chat.press("up")
    chat.wait(lambda it: it.line == "> first")
    chat.press("enter")
    answered(chat, 2)
    chat.press("up", "up")
    chat.wait(lambda it: it.line == "> my long draft")


def test_ctrl_j_begins_a_line_too(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("first")
    chat.press("ctrl-j")
    chat.send("second\r")
    answered(chat)
    assert sent(model_server)[-1].startswith("first\nsecond")


def test_browsing_the_history_keeps_the_draft(chat: Terminal) -> None:
    chat.send("a question\r")
    answered(chat)
    chat.send("my draft")
    chat.press("up")
    chat.wait(lambda it: it.line == "> a question")
    chat.press("down")
    chat.wait(lambda it: it.line == "> my draft")


def test_escape_gives_a_line_up_at_once(chat: Terminal) -> None:
    chat.send("never mind")
    chat.wait("> never mind")
    chat.press("escape")
    chat.wait(lambda it: it.line == ">", 3)


def test_escape_twice_offers_to_undo_a_turn(chat: Terminal) -> None:
    chat.send("a question\r")
    answered(chat)
    chat.press("escape", "escape")
    chat.wait("> /rewind")
    chat.wait(re.compile(r"1\s+a question"))


@pytest.mark.parametrize("keys", [("ctrl-g",), ("ctrl-x", "ctrl-e")])
def test_the_external_editor(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str], keys: tuple[str, ...]
) -> None:
    model_server.script(default=say("Understood."))
    editor = home / "editor"
    editor.write_text('#!/bin/sh\ncat "$1" > seen\nprintf \'from the\\neditor\' > "$1"\n')
    editor.chmod(0o755)
    chat = start(VISUAL=str(editor), **model_env)
    chat.prompt()
    chat.send("a draft")
    chat.press(*keys)
    chat.wait(lambda it: it.line == "  editor")
    assert (home / "seen").read_text().strip() == "a draft"
    chat.press("enter")
    answered(chat)
    assert sent(model_server)[-1].startswith("from the\neditor")


def test_what_was_written_in_the_editor_is_no_text_that_came_back(start: Start, home: Path) -> None:
    editor = home / "editor"
    editor.write_text("#!/bin/sh\necho 'compare with' > \"$1\"\n")
    editor.chmod(0o755)
    chat = start(VISUAL=str(editor))
    chat.prompt()
    chat.wait("offline model")
    chat.send("/editor\r")
    chat.wait(lambda it: it.line == "> compare with")
    chat.send(" /etc/hosts")
    chat.wait(lambda it: it.line == "> compare with /etc/hosts")


@pytest.mark.parametrize(("answer", "theme"), [("rgb:ffff/ffff/ffff", "light"), ("rgb:0000/2b2b/3636", "dark")])
def test_the_colours_fit_the_background_that_the_terminal_tells(start: Start, answer: str, theme: str) -> None:
    chat = start()
    chat.prompt()
    chat.wait(lambda it: QUERY.encode() in it.raw)
    chat.send(f"\x1b]11;{answer}\x1b\\")
    chat.send("/theme\r")
    chat.wait(re.compile(rf"^> {theme} .*used now", re.MULTILINE))
    chat.press("escape")
    chat.tell("/theme high-contrast", "high-contrast from now on")
    # What a person has chosen needs no asking.
    again = start()
    again.prompt()
    again.wait("offline model")
    assert QUERY.encode() not in again.raw


def test_cw_leaves_the_blank_as_in_vi(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.wait("offline model")
    chat.tell("/keys vi", "the keys of vi")
    chat.send("hello vi a b")
    chat.press("escape")
    chat.send("0cwgoodbye")
    chat.wait(lambda it: it.line == "> goodbye vi a b")
    chat.press("escape")
    chat.send("wwcwX")
    chat.wait(lambda it: it.line == "> goodbye vi X b")
    chat.press("escape")
    chat.send("02cwboth")
    chat.wait(lambda it: it.line == "> both X b")


@pytest.mark.parametrize("opened", ["key", "command"])
def test_what_the_editor_saved_outlives_a_program_that_is_ended(start: Start, home: Path, opened: str) -> None:
    editor = home / "editor"
    editor.write_text("#!/bin/sh\necho 'saved in it' > \"$1\"\ntouch saved\nexec sleep 60\n")
    editor.chmod(0o755)
    chat = start(VISUAL=str(editor))
    chat.prompt()
    chat.wait("offline model")
    if opened == "key":
        chat.send("a draft")
        chat.press("ctrl-g")
    else:
        chat.send("/editor\r")
    chat.wait(lambda _: (home / "saved").exists())
    time.sleep(0.2)
    chat.process.terminate()
    assert chat.end() == 130
    again = start()
    again.prompt()
    again.press("up")
    again.wait(lambda it: it.line == "> saved in it")


def test_the_editor_beside_an_answer(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    editor = home / "editor"
    editor.write_text("#!/bin/sh\necho 'from it' > \"$1\"\ntouch opened\nwhile [ ! -e go ]; do sleep 0.05; done\n")
    editor.chmod(0o755)
    chat = start(VISUAL=str(editor), **model_env)
    chat.prompt()
    model_server.script(say("one two three four five", hold=2), say("Next."))
    chat.send("first\r")
    chat.wait("one two")
    chat.press("ctrl-g")
    chat.wait(lambda _: (home / "opened").exists())
    model_server.release()
    time.sleep(1)
    (home / "go").touch()
    # The answer is one all the same, and Ctrl-C is the prompt's again.
    chat.wait("one two three four five")
    chat.wait(lambda it: it.line == "> from it")
    chat.press("ctrl-c")
    chat.prompt()
    chat.press("ctrl-c")
    chat.wait("Ctrl-D or /exit leaves.")


def test_vi_keys_are_kept(start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(default=say("Understood."))
    chat = start(**model_env)
    chat.prompt()
    chat.send("/keys vi\r")
    chat.wait("the keys of vi")
    chat.prompt()
    chat.press("ctrl-d")
    chat.end()
    again = start(**model_env)
    again.prompt()
    again.send("hello wrold")
    # The shape of the cursor tells the modes apart: a block where letters are commands, else a beam.
    again.press("escape")
    again.wait(lambda it: it.raw.count(b"\x1b[2 q") == 1)
    again.send("bcwworld")
    again.wait(lambda it: it.line == "> hello world")
    assert again.raw.count(b"\x1b[6 q") == 2
    again.press("escape")
    again.wait(lambda it: it.raw.count(b"\x1b[2 q") == 2)
    again.press("enter")
    answered(again)
    again.send("ihello")
    again.wait(lambda it: it.line == "> ihello")
    again.press("ctrl-c", "ctrl-d")
    again.end()
    assert b"\x1b[0 q" in again.raw


def test_ctrl_l_draws_anew_and_wipes_nothing(chat: Terminal) -> None:
    chat.send("a question\r")
    answered(chat)
    chat.send("draft")
    chat.wait("> draft")
    before = chat.text
    chat.press("ctrl-l")
    time.sleep(0.3)
    assert chat.text == before


def test_a_paste_right_behind_something_that_draws_anew_is_one_paste(chat: Terminal) -> None:
    lines = "\r".join(f"line {number}" for number in range(300))
    ways: list[Callable[[], None]] = [
        lambda: chat.press("ctrl-l"),
        lambda: chat.resize(90, 30),
        lambda: chat.resize(100, 24),
    ]
    for draw_anew in ways:
        draw_anew()
        chat.paste(lines)
        chat.wait(lambda it: it.line == "> [pasted 300 lines]")
        chat.press("ctrl-c")
        chat.prompt()
    # The terminal was never told to give up marking what is pasted.
    assert b"\x1b[?2004l" not in chat.raw


def test_unknown_commands_suggest_and_paths_are_messages(chat: Terminal, model_server: ModelServer) -> None:
    chat.send("/sesions\r")
    chat.wait("There is no command /sesions; did you mean /sessions?")
    chat.prompt()
    assert not model_server.requests
    chat.send("/etc/hosts is a file\r")
    answered(chat)
    chat.send("//help\r")
    answered(chat, 2)
    assert sent(model_server)[-1].startswith("/help")
    assert re.search(r"^> //help$", chat.text, re.MULTILINE)
