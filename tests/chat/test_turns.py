"""A turn as the person sees it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer, call, fail, say
from tests.support.terminal import Terminal, plain_env


@pytest.fixture
def chat(start: Start, model_env: dict[str, str]) -> Terminal:
    terminal = start(**model_env)
    terminal.prompt()
    return terminal


def test_text_appears_while_it_streams_and_is_never_repainted(chat: Terminal, model_server: ModelServer) -> None:
    text = "".join(f"Line {number} of a long answer.\n\n" for number in range(80)) + "The end."
    model_server.script(say("Once upon a time", hold=2), say(text))
    chat.send("tell me\r")
    chat.wait("Once upon")
    assert "time" not in chat.text
    model_server.release()
    chat.wait("Once upon a time")
    chat.prompt()
    chat.send("more\r")
    chat.wait("The end.")
    chat.prompt()
    answer = chat.text.partition("Line 0 ")[2]
    assert [int(line.split()[1]) for line in answer.splitlines() if line.startswith("Line ")] == list(range(1, 80))


def test_ctrl_c_stops_the_turn_and_keeps_the_session(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("one two three four", hold=2), say("Still here."))
    chat.send("count\r")
    chat.wait("one two")
    chat.press("ctrl-c")
    # The model is still in the middle of its sentence; nothing waits for it.
    chat.wait("Stopped.", 5)
    assert "three" not in chat.text
    chat.prompt()
    chat.send("are you there?\r")
    chat.wait("Still here.")
    chat.prompt()
    assert any("one two" in str(message.text) for message in model_server.last_messages())


def test_ctrl_c_while_waiting_for_the_first_word(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("never", hold=0), say("Fine."))
    chat.send("hello\r")
    model_server.wait_held(timeout=20)
    chat.wait("thinking")
    chat.press("ctrl-c")
    chat.wait("Stopped.", 5)
    chat.prompt()
    assert "thinking" not in chat.text
    chat.send("again\r")
    chat.wait("Fine.")


def test_ctrl_c_while_a_tool_runs(start: Start, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("", call("build", lines=400)), say("Fine."))
    chat = start(argv=[sys.executable, "-m", "tests.chat.consenting", "chat"], **model_env)
    chat.prompt()
    chat.send("build it\r")
    chat.wait("step 3")
    chat.press("ctrl-c")
    chat.wait("Stopped.", 3)
    chat.prompt()
    assert "⚙ build(lines=400) → interrupted" in chat.text
    assert "step" not in "\n".join(chat.screen)
    chat.send("again\r")
    chat.wait("Fine.")


def test_ctrl_c_while_waiting_for_a_busy_provider(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(fail("rate_limit", retry_after=30), say("Fine."))
    chat.send("hello\r")
    chat.wait(re.compile(r"waiting 2\d s"))
    chat.press("escape")
    chat.wait("Stopped.", 3)
    chat.prompt()
    chat.send("again\r")
    chat.wait("Fine.")


def test_tools_are_one_line_each(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(
        say("I note that.", call("create_task", title="Buy milk")),
        say("Noted."),
    )
    chat.send("buy milk\r")
    chat.wait("Noted.")
    chat.prompt()
    lines = chat.lines
    at = next(index for index, line in enumerate(lines) if line.startswith("⚙ create_task(") and "Buy milk" in line)
    assert "I note that." in lines[:at]
    assert " → Task created: " in lines[at]
    assert sum("create_task" in line for line in lines) == 1
    assert "Noted." in lines[at:]


def test_what_is_typed_while_an_answer_comes_stays_in_the_prompt(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("one two three", hold=1), say("Second answer."))
    chat.send("first\r")
    chat.wait("one")
    chat.paste("second\nquestion")
    chat.wait(lambda it: it.line == "  question")
    model_server.release()
    chat.wait("one two three")
    chat.wait(lambda it: it.line == "  question")
    assert len(model_server.requests) == 1
    chat.press("enter")
    chat.wait("> second\n  question\nSecond answer.\n")


def test_a_provider_error_is_a_sentence_and_the_prompt_stays(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(fail("auth"), say("Now it works."))
    chat.send("hello\r")
    chat.wait("refused the key")
    chat.prompt()
    chat.send("again\r")
    chat.wait("Now it works.")


def test_waiting_for_a_busy_provider_is_said_with_its_seconds(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(fail("rate_limit", retry_after=1), say("At last."))
    chat.send("hello\r")
    chat.wait("asking again in 1 s")
    chat.wait("At last.")
    chat.prompt()
    assert "waiting" not in chat.text


def test_an_answer_cannot_drive_the_terminal(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say(("safe\x1b]0;ow", "ned\x07 \x1b[2J\x1b[31m\rno\x9b5A", " \u65e5\u672c end")))
    chat.send("hello\r")
    chat.wait("日本 end")
    assert b"\x1b]0;" not in chat.raw
    assert b"\x1b[2J" not in chat.raw
    assert "> hello" in chat.text
    assert any(line.startswith("safe") for line in chat.lines)


def test_the_price_is_shown(chat: Terminal, model_server: ModelServer) -> None:
    model_server.script(say("Cheap."))
    chat.send("hello\r")
    chat.wait("Cheap.")
    chat.prompt()
    assert "tokens in" in chat.text
    chat.send("/cost\r")
    chat.wait("1 with 1 model request")


BROKEN = """
from lra.chat import render
def broken(self, event):
    raise RuntimeError("cannot be shown")
render.TurnRenderer._on_tool_started = broken
from lra.cli import main
main()
"""


def test_a_turn_that_cannot_be_shown_is_ended_before_the_next(home: Path, model_server: ModelServer) -> None:
    model_server.script(say("", call("list_tasks")), default=say("The next answer."))
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "chat"],
        input="first\nsecond\n",
        env=plain_env(home, **env_for(model_server), LRA_MODEL=MODELS["openai-chat"]),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "Something went wrong: RuntimeError: cannot be shown." in done.stderr
    assert "The next answer." in done.stdout
    assert "running" not in done.stderr
