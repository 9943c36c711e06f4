"""Without colour and cursor movement, and without a terminal at all."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import Terminal, lra, plain_env


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [(["--plain"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}), ([], {"ACCESSIBLE": "1"})],
)
def test_plain_terminals_see_no_escape_sequence(start: Start, arguments: list[str], extra: dict[str, str]) -> None:
    terminal = start(*arguments, **extra)
    terminal.prompt()
    terminal.wait("offline model")
    terminal.wait(lambda it: it.line == ">")
    terminal.send("remember that my dog is called Rex\r")
    terminal.wait("✎ remembered “My dog is called Rex”")
    terminal.prompt()
    terminal.send("/help\r")
    terminal.wait("//text sends a message")
    terminal.prompt()
    terminal.press("ctrl-c")
    terminal.wait("Ctrl-D or /exit leaves.")
    terminal.prompt()
    terminal.press("ctrl-d")
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.raw
    assert terminal.mode == terminal.first_mode


def test_plain_typing_ahead_and_stopping(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("one two three", hold=2), say("Second."), say("never", hold=1), say("Third."))
    terminal = start("--plain", **model_env)
    terminal.prompt()
    terminal.send("first\\\rline\r")
    terminal.wait("one two")
    terminal.send("second\r")
    time.sleep(0.3)
    model_server.release()
    terminal.wait("Second.")
    terminal.prompt()
    assert "> second\nSecond.\n" in terminal.text
    terminal.send("third\r")
    terminal.wait("never")
    terminal.press("ctrl-c")
    assert terminal.wait("Stopped.", 3) < 0.7
    terminal.prompt()
    terminal.send("fourth\r")
    terminal.wait("Third.")
    first = next(message.text for message in model_server.last_messages() if message.role == "user")
    assert first.startswith("first\nline")


def test_pasted_lines_are_one_message(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("Long."), say("Short."))
    terminal = start("--plain", **model_env)
    terminal.prompt()
    lines = [f"line {number} of what was pasted" for number in range(1000)]
    terminal.send("\r".join(lines) + "\r")
    terminal.wait("Long.", 40)
    terminal.prompt()
    assert next(message.text for message in model_server.last_messages() if message.role == "user") == "\n".join(lines)
    # A command stands for itself, whatever comes right behind it; so does the end of input.
    terminal.send("/tasks\rand this\r\x04")
    terminal.wait("There are no tasks.")
    terminal.wait("Short.")
    assert terminal.end() == 0
    assert [message.text for message in model_server.last_messages() if message.role == "user"][-1] == "and this"
    assert b"\x1b" not in terminal.raw


def test_the_last_of_pasted_lines_may_have_no_end(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("One."), say("Two."))
    terminal = start("--plain", **model_env)
    terminal.prompt()
    terminal.send("count first\rsecond\rthird and lást")
    time.sleep(0.6)
    terminal.send(" of them\r")
    terminal.wait("One.")
    terminal.prompt()
    assert [message.text for message in model_server.last_messages() if message.role == "user"] == [
        "count first\nsecond\nthird and lást of them"
    ]
    # Here nothing waits for a further line, and what was typed can be edited.
    terminal.send("and thix\x7fs\r")
    terminal.wait("Two.")
    assert [message.text for message in model_server.last_messages() if message.role == "user"][-1] == "and this"


def test_turns_are_taken_back_by_number(start: Start) -> None:
    terminal = start("--plain")
    terminal.prompt()
    terminal.send("remember that my cat is called Tom\r")
    terminal.wait("✎ remembered")
    terminal.prompt()
    terminal.send("hello there\r")
    terminal.wait("Hello")
    terminal.prompt()
    terminal.send("/rewind\r")
    terminal.wait("? N says more")
    assert "\n  2  hello there" in terminal.text
    assert "\n  1  remember that my cat" in terminal.text
    terminal.send("? 1\r")
    terminal.wait("With a: memory would be taken back: My cat is called Tom")
    terminal.send("1\r")
    terminal.wait("Undone: 2 turns (turns 1 to 2)")
    terminal.prompt()
    assert b"\x1b" not in terminal.raw


def test_what_is_told_at_the_start_comes_before_the_prompt(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("# A long answer\n\nWith **bold** and `code`."))
    first = start("--plain", **model_env)
    first.prompt()
    first.send("hello there\r")
    first.wait("With")
    first.prompt()
    first.press("ctrl-d")
    assert first.end() == 0
    again = start("--plain", "-c", **model_env)
    again.prompt()
    again.wait("· Continuing session")
    head, mark, _ = again.text.partition("· Continuing session")
    assert mark
    assert ">" not in head
    # As it reads, and not as it was written.
    assert "\n  A long answer\n  With bold and code.\n" in again.text


def run(home: Path, text: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lra("chat", *arguments),
        input=text,
        env=plain_env(home, **extra),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_lines_from_a_pipe_are_turns(home: Path) -> None:
    done = run(home, "remember that my dog is called Rex\n\nwhat is my dog called?\n/nonsense\n/tools")
    assert done.returncode == 0
    assert "Rex" in done.stdout
    assert "✎" not in done.stdout
    assert "✎ remembered" in done.stderr
    assert "There is no command /nonsense" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_a_file_and_nothing_at_all(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("remember that the door is red\n/forget door\ny\nexit is no command")
    with script.open() as file:
        done = subprocess.run(
            lra("chat"), stdin=file, env=plain_env(home), capture_output=True, text=True, timeout=50, check=False
        )
    assert done.returncode == 0
    assert "Forgotten." in done.stderr
    assert run(home, "").returncode == 0


def test_a_failed_turn_in_a_pipe_fails_the_process(
    home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    from tests.support.model_server import fail

    model_server.script(fail("auth"), say("Fine."))
    done = run(home, "one\ntwo\n", **model_env)
    assert done.stdout == "Fine.\n"
    assert done.returncode != 0
    assert "refused the key" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end_in_the_middle_of_a_turn(
    start: Start, model_server: ModelServer, model_env: dict[str, str], number: signal.Signals
) -> None:
    model_server.script(say("one two three", hold=2), say("Welcome back."))
    terminal = start(**model_env)
    terminal.prompt()
    terminal.send("count\r")
    terminal.wait("one two")
    terminal.signal(number)
    assert terminal.end(5) == 130
    assert terminal.mode == terminal.first_mode
    again = start("-c", **model_env)
    again.wait("one two")
    again.prompt()


def test_asked_to_end_at_the_prompt(start: Start) -> None:
    terminal: Terminal = start()
    terminal.prompt()
    terminal.wait("offline model")
    terminal.signal(signal.SIGTERM)
    assert terminal.end(5) == 130
    assert terminal.mode == terminal.first_mode


def test_a_question_that_is_given_up_ends_its_line(start: Start) -> None:
    chat = start("--plain", LRA_MODEL="offline")
    chat.prompt()
    chat.send("hello there\r")
    chat.wait("Hello")
    chat.prompt()
    chat.send("/rewind\r")
    chat.wait("or Enter for none:")
    chat.press("ctrl-c")
    chat.wait("Stopped.")
    chat.prompt()
    assert "\nStopped." in chat.text


def test_what_is_no_number_of_a_memory_is_the_next_message(start: Start) -> None:
    terminal = start("--plain")
    terminal.prompt()
    terminal.send("/remember My cat is called Tom\r")
    terminal.wait("✎ remembered")
    terminal.prompt()
    terminal.send("/new\r")
    terminal.wait("A new conversation.")
    terminal.prompt()
    terminal.send("what is my cat called?\r")
    terminal.wait("↺ recalled 1")
    terminal.prompt()
    terminal.send("/why\r")
    terminal.wait("or Enter:")
    terminal.send("remember that my dog is called Rex\r")
    terminal.wait("✎ remembered “My dog is called Rex”")
    terminal.prompt()


def test_a_line_that_goes_on_beyond_the_end_is_a_message(home: Path) -> None:
    said = "remember that my dog is called Rex \\"
    done = subprocess.run(lra("chat"), input=said, env=plain_env(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "remembered “My dog is called Rex”" in done.stderr
