"""The terminal under a standing prompt: sizes, pastes, suspending, endings, and how much is written."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pyte
import pytest

from lra.chat.markdown import AnswerStream
from lra.chat.theme import Theme
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import Terminal, lra


@pytest.fixture
def chat(start: Start, model_env: dict[str, str]) -> Terminal:
    terminal = start(**model_env)
    terminal.prompt()
    return terminal


def sent(server: ModelServer) -> list[str]:
    return [str(message.text) for message in server.last_messages() if message.role == "user"]


def test_nothing_is_written_while_nothing_happens(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("Hello there."))
    chat.send("hi\r")
    chat.wait("Hello there.")
    chat.prompt()
    chat.wait("context")
    time.sleep(0.5)
    before = len(chat.raw)
    time.sleep(1.2)
    assert chat.raw[before:] == b""


def test_a_resize_in_the_middle_of_an_answer_leaves_nothing_behind(chat: Terminal, model_server: ModelServer) -> None:
    paragraphs = [f"Paragraph {number} is here to be read." for number in range(12)]
    model_server.script(say("\n\n".join(paragraphs), chunk_delay=0.03))
    chat.send("go\r")
    chat.wait("Paragraph 1 ")
    for columns, rows in ((60, 30), (60, 14), (100, 40), (45, 20), (90, 30)):
        chat.resize(columns, rows)
        time.sleep(0.25)
    chat.wait("Paragraph 11 is here to be read.")
    chat.prompt()
    assert [line for line in chat.lines if line.startswith("Paragraph")] == paragraphs
    assert sum(line == ">" for line in chat.lines) == 1
    assert sum(line.startswith("openai-chat:") for line in chat.lines) == 1
    assert not any("thinking" in line or "Enter queues" in line for line in chat.lines)


def test_a_small_terminal(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("word " * 60 + "end", hold=40), say("Fine."))
    chat = start(COLUMNS="40", LINES="8", **model_env)
    chat.prompt()
    chat.send("hello you\r")
    model_server.wait_held(timeout=20)
    chat.wait("word word")
    for number in range(4):
        chat.send(f"message {number}\r")
    chat.wait("queued: message 0")
    # What moves keeps to a third of the rows.
    above = [line for line in chat.screen if "word" in line or "queued" in line or "more" in line]
    assert len(above) <= 2, chat.screen
    model_server.script(default=say("Fine."))
    model_server.release()
    chat.wait(lambda it: it.text.count("Fine.") == 4)
    chat.prompt()
    assert all(len(line) <= 40 for line in chat.lines)
    assert "Enter queues · Ctrl-S steers · Esc s…" in chat.raw.decode()
    assert chat.text.count("word") == 60


def test_a_paste_of_a_thousand_lines_is_one_word_and_arrives_whole(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(default=say("Understood."))
    lines = [f"line {number} of the paste" for number in range(1000)]
    chat.send("look: ")
    chat.paste("\r".join(lines))
    chat.wait("> look: [pasted 1,000 lines]")
    chat.send(" ok?\r")
    chat.wait("Understood.")
    chat.prompt()
    assert sent(model_server)[-1].startswith("look: " + "\n".join(lines) + " ok?")
    assert "line 500" not in chat.text
    # It comes back from the history as it stood, and what is older is one key away.
    chat.press("up")
    chat.wait("> look: [pasted 1,000 lines] ok?")
    chat.send("\r")
    chat.wait("> look: [pasted 1,000 lines] ok?\nUnderstood.")
    chat.wait(lambda it: it.text.count("Understood.") == 2)
    chat.prompt()
    assert sent(model_server)[-1].startswith("look: " + "\n".join(lines) + " ok?")
    # Pasted again, it goes with one key.
    chat.paste("\n".join(lines))
    chat.wait("> [pasted 1,000 lines]")
    chat.press("backspace")
    chat.prompt()


def test_a_list_is_suspended_and_brought_back(start: Start) -> None:
    shell = start(argv=["bash", "--norc", "--noprofile", "-i"], PS1="SHELL$ ")
    shell.wait("SHELL$")
    shell.send(" ".join(lra("chat")) + "\r")
    shell.wait(lambda it: it.line == ">")
    shell.send("/theme\r")
    shell.wait("Enter chooses")
    shell.press("down")
    shell.press("ctrl-z")
    shell.wait("Stopped")
    shell.send("echo typed $((40 + 2))\r")
    shell.wait("typed 42")
    assert "Enter chooses" not in shell.text
    shell.send("fg\r")
    shell.wait("Enter chooses")
    shell.press("escape")
    shell.wait(lambda it: it.line == ">")
    shell.send("hello\r")
    shell.wait("Hello.")
    shell.prompt()
    shell.press("ctrl-d")
    shell.wait(lambda it: it.line == "SHELL$")


def test_suspended_and_brought_back_by_a_shell(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("one two three", hold=2), say("Again."))
    shell = start(argv=["bash", "--norc", "--noprofile", "-i"], PS1="SHELL$ ", **model_env)
    shell.wait("SHELL$")
    shell.send(" ".join(lra("chat")) + "\r")
    shell.wait(lambda it: it.line == ">")
    shell.send("count\r")
    shell.wait("one two")
    shell.send("half a draft")
    shell.wait(lambda it: it.line == "> half a draft")
    shell.press("ctrl-z")
    shell.wait("Stopped")
    # The shell has its terminal as it was: it echoes, and nothing of the prompt stands there.
    shell.send("echo typed $((40 + 2))\r")
    shell.wait("typed 42")
    assert not any("half a draft" in line for line in shell.screen)
    shell.send("fg\r")
    shell.wait(lambda it: it.line == "> half a draft")
    model_server.release()
    shell.wait("one two three")
    shell.press("enter")
    shell.wait("> half a draft\nAgain.")
    shell.prompt()
    shell.press("ctrl-d")
    shell.wait("Kept. Come back with")
    shell.wait(lambda it: it.line == "SHELL$")
    shell.send("echo typed $((40 + 3))\r")
    shell.wait("typed 43")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_terminal_is_left_as_it_was_found(
    chat: Terminal, model_server: ModelServer, number: signal.Signals
) -> None:
    model_server.script(say("one two three", hold=2))
    chat.send("count\r")
    chat.wait("one two")
    chat.signal(number)
    if number == signal.SIGINT:
        chat.wait("Stopped.")
        chat.prompt()
        chat.press("ctrl-d")
        assert chat.end(8) == 0
    else:
        assert chat.end(8) == 130
    modes(chat)


def test_a_draft_outlives_the_program(start: Start, chat: Terminal, model_env: dict[str, str]) -> None:
    chat.send("half a thought")
    chat.wait("> half a thought")
    chat.signal(signal.SIGTERM)
    assert chat.end(8) == 130
    again = start(**model_env)
    again.prompt()
    again.press("up")
    again.wait(lambda it: it.line == "> half a thought")


def modes(chat: Terminal) -> None:
    """Check that every mode that was entered has been left."""
    assert chat.mode == chat.first_mode
    for mode in (b"2004", b"1004", b"7"):
        ends = re.findall(rb"\x1b\[\?" + mode + rb"([hl])", chat.raw)
        assert ends[-1:] == ([b"h"] if mode == b"7" else [b"l"]), (mode, ends)
    cursor = re.findall(rb"\x1b\[\?25([hl])", chat.raw)
    assert cursor[-1:] == [b"h"]


CRASH = """
import asyncio, sys
from lra.chat import turns
async def message(self, text, **more):
    raise SystemError("broken on purpose") if text == "exit badly" else RuntimeError("soft")
turns.TurnFront.message = message
import lra.chat.app as app
before = app.Chat._take
async def take(self, message, *more):
    if message.text == "exit badly":
        raise SystemError("broken on purpose")
    await before(self, message, *more)
app.Chat._take = take
from lra.cli import main
main()
"""


def test_a_defect_leaves_the_terminal_as_it_was_and_is_in_the_log(start: Start, home: Path) -> None:
    chat = start(argv=[sys.executable, "-c", CRASH, "chat"])
    chat.prompt()
    chat.send("hello\r")
    chat.wait("Something went wrong: RuntimeError: soft. `lra logs` shows where.")
    chat.prompt()
    chat.send("exit badly\r")
    chat.wait("This is a defect in lra")
    assert chat.end(8) != 0
    assert "    RuntimeError" in (home / "data" / "logs" / "lra.log").read_text()
    modes(chat)


def test_a_long_answer_costs_about_what_it_weighs(chat: Terminal, model_server: ModelServer) -> None:
    text = "\n\n".join(
        f"## Part {number}\n\nSome words of *prose* that fill a line or two of the terminal, and then some more.\n\n"
        + "\n".join(f"- item {item} of part {number}" for item in range(4))
        + f"\n\n```python\ndef part_{number}() -> int:\n    return {number}\n```"
        for number in range(24)
    )
    model_server.script(say(text, chunks=1600, chunk_delay=0.001), say("short"))
    chat.send("go\r")
    chat.wait("def part_0")
    before = len(chat.raw)
    chat.wait("return 23", 60)
    chat.prompt()
    written = len(chat.raw) - before
    stream = AnswerStream(100, Theme("dark", 8))
    weight = len((stream.feed(text) + stream.close()).encode())
    assert written <= 2 * weight, written / weight
    for number in range(24):
        assert chat.text.count(f"def part_{number}()") == 1
        assert sum(line.rstrip().endswith(f"Part {number}") for line in chat.lines) == 1


def test_the_scrollback_equals_the_answer_printed_at_once(chat: Terminal, model_server: ModelServer) -> None:
    text = (
        "# Title 日本語\n\nA paragraph with 🎉 and 👩‍👩‍👧 that is " + "long " * 60 + "indeed.\n\n"
        "1. one\n2. two\n   - nested " + "deep " * 30 + "\n\n```\n" + "x = 1  # " + "wide " * 40 + "\n\ttabbed\n```\n\n"
        "| a | b |\n|---|---|\n| 日本 | x |\n\n> quoted\n\n" + "".join(f"Line {n}.\n\n" for n in range(40))
    )
    model_server.script(say(text, chunks=400, chunk_delay=0.003))
    chat.send("go\r")
    chat.wait("Line 39.", 40)
    chat.prompt()
    stream = AnswerStream(100, Theme("dark", 8))
    screen = pyte.HistoryScreen(100, 400)
    pyte.Stream(screen).feed((stream.feed(text) + stream.close()).replace("\n", "\r\n"))
    expected = [line.rstrip() for line in screen.display]
    while not expected[-1]:
        expected.pop()
    at = chat.lines.index("> go") + 1
    assert chat.lines[at : at + len(expected)] == expected


def test_the_terminal_goes_away(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("one two three", hold=2))
    chat.send("count\r")
    chat.wait("one two")
    chat.hang_up()
    assert chat.process.wait(10) is not None


def test_live_output_of_a_tool_is_a_short_tail(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("", call("build", lines=30)), say("Built."))
    chat = start(argv=[sys.executable, "-m", "tests.chat.consenting", "chat"], **model_env)
    chat.prompt()
    chat.send("build it\r")
    chat.wait("step 12")
    shown = [line for line in chat.screen if line.strip().startswith("step ")]
    assert 1 <= len(shown) <= 3, chat.screen
    assert any("build(lines=30)" in line for line in chat.screen)
    chat.wait("Built.")
    chat.prompt()
    assert "⚙ build(lines=30) → built 30 of 30 (+1 line · /expand)" in chat.text
    assert "step 29" not in chat.text
    chat.send("/expand\r")
    chat.wait("step 29 came last")


def test_u_takes_back_what_was_just_remembered(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.send("remember that my dog is called Rex\r")
    chat.wait("✎ remembered “My dog is called Rex” · u undoes")
    chat.prompt()
    chat.wait("1 memory")
    chat.send("u")
    chat.wait("✎ no longer remembered “My dog is called Rex”")
    chat.prompt()
    chat.wait(lambda it: "1 memory" not in it.text)
    # Now it is a letter again.
    chat.send("u")
    chat.wait(lambda it: it.line == "> u")
    time.sleep(1)
    assert chat.line == "> u"


def test_a_message_may_begin_with_u(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.send("remember that my dog is called Rex\r")
    chat.wait("u undoes")
    chat.prompt()
    chat.send("until when?")
    time.sleep(1)
    assert chat.line == "> until when?"
    assert "no longer" not in chat.text


def test_what_is_typed_before_the_program_has_the_terminal_is_sent(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("An early answer."))
    # The terminal still edits lines by itself: Enter is a line break to whoever reads later.
    code = "import time; time.sleep(1); from lra.cli import main; main()"
    chat = start(argv=[sys.executable, "-c", code, "chat"], **model_env)
    chat.send("what comes early\rand ")
    chat.wait("An early answer.")
    chat.wait(lambda it: it.line == "> and")
    assert [message.text for message in model_server.last_messages() if message.role == "user"] == ["what comes early"]


def test_an_end_that_cannot_be_caught_leaves_a_terminal_that_wraps(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("one two three " * 30, hold=200))
    chat = start(**model_env)
    chat.prompt()
    chat.send("a draft that is as long as a row of the terminal is wide and then goes on for a while behind it " * 2)
    chat.press("enter")
    chat.wait("one two")
    chat.process.kill()
    chat.process.wait()
    wraps, cuts = chat.raw.rfind(b"\x1b[?7h"), chat.raw.rfind(b"\x1b[?7l")
    assert 0 <= cuts < wraps


def test_sigquit_leaves_as_sigterm_does(start: Start) -> None:
    chat = start()
    chat.prompt()
    chat.send("a draft")
    chat.wait("> a draft")
    chat.process.send_signal(signal.SIGQUIT)
    assert chat.end() == 130
    assert chat.mode == chat.first_mode
    again = start()
    again.prompt()
    again.press("up")
    again.wait("> a draft")
