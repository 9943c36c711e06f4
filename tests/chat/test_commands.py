"""Slash commands in the real program, with the offline model."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.terminal import Terminal, lra, plain_env


@pytest.fixture
def chat(start: Start) -> Terminal:
    terminal = start(LINES="40")
    terminal.prompt()
    terminal.wait("offline model")
    return terminal


def tell(chat: Terminal, line: str, expected: str) -> None:
    chat.send(line + "\r")
    chat.wait(expected)
    chat.prompt()


def test_memory_is_kept_found_and_forgotten(chat: Terminal, home: Path) -> None:
    tell(chat, "/memory", "Nothing is remembered yet")
    tell(chat, "/remember The boiler code is 4711", "✎ remembered “The boiler code is 4711”")
    tell(chat, "/memory boiler", "fact  The boiler code is 4711")
    chat.send("/forget boiler\r")
    chat.wait("Forget this for good? [y/N]")
    chat.send("n\r")
    chat.wait("Nothing was forgotten.")
    chat.prompt()
    chat.send("/forget boiler\r")
    chat.wait(lambda terminal: terminal.text.count("Forget this for good? [y/N]") == 2)
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    tell(chat, "/memory 4711", "Nothing remembered fits “4711”.")
    # The prompt's history forgot it too.
    with open(f"{home}/data/history") as file:
        text = file.read()
    assert "4711" not in text.replace("/memory 4711", "")
    assert "/remember [forgotten]" in text


def test_new_sessions_resume_and_fork(chat: Terminal) -> None:
    tell(chat, "remember that my cat is called Tom", "✎ remembered")
    tell(chat, "/rename The cat talk", "now called “The cat talk”")
    tell(chat, "/new", "A new conversation.")
    tell(chat, "remember that my bird is called Pip", "called Pip”")
    chat.send("/resume\r")
    chat.wait("The cat talk")
    chat.wait("Number or id")
    chat.send("1\r")
    chat.wait("“The cat talk”, 1 turn")
    chat.prompt()
    tell(chat, "/fork", "You are in a copy now")
    tell(chat, "/sessions", "The cat talk (fork)")
    assert chat.text.count("my bird is called Pip") >= 1


def test_rewind_gives_the_message_back(chat: Terminal) -> None:
    tell(chat, "hello there", "Hello")
    chat.send("/rewind\r")
    chat.wait("  1  hello there")
    chat.prompt()
    tell(chat, "/rewind 7", "no turn 7")
    chat.send("/rewind 1\r")
    chat.wait("Undone: 1 turn")
    chat.wait(lambda terminal: terminal.line == "> hello there")


def test_the_other_commands_answer(chat: Terminal) -> None:
    tell(chat, "/help", "Ctrl-R")
    tell(chat, "/help forget", "Erase a memory for good")
    tell(chat, "/tools", "create_task")
    tell(chat, "/tasks", "There are no tasks")
    tell(chat, "/cost", "turns")
    tell(chat, "/compact", "There is nothing to shorten yet.")
    tell(chat, "/model", "Answering with offline")
    tell(chat, "/model nonsense", "'nonsense' is no model name")
    tell(chat, "/model openai:", "for example openai:gpt-6.1-terra")
    tell(chat, "/help nonsense", "There is no command /nonsense")
    tell(chat, "/model openai:gpt-x", "OPENAI_API_KEY")
    tell(chat, "/resume zzz", "There is no session 'zzz'")
    tell(chat, "/rename", "Write the title")
    chat.send("/quit\r")
    assert chat.end() == 0


def test_tasks_are_listed(chat: Terminal) -> None:
    tell(chat, "add a task: water the plants", "⚙ create_task")
    tell(chat, "/tasks", "pending  ")


def test_a_session_that_is_open_elsewhere(chat: Terminal, start: Start, home: Path) -> None:
    tell(chat, "remember that the gate is green", "✎ remembered")
    tell(chat, "/sessions", "* is this one")
    session = next(line for line in chat.lines if line.startswith("  *  ")).split()[1]

    other = start("-r", session)
    other.wait("is open in another process")
    other.wait("[f]ork")
    other.send("f\r")
    other.wait("(fork)")
    other.prompt()
    tell(other, "hello", "Hello")

    reader = start("-r", session)
    reader.wait("[f]ork")
    reader.send("r\r")
    reader.wait("the gate is green")
    reader.prompt()
    reader.send("hello\r")
    reader.wait("open for reading only")
    reader.wait(lambda terminal: terminal.line == "> hello")
    reader.press("ctrl-c")
    reader.prompt()
    reader.press("ctrl-d")
    assert reader.end() == 0

    refused = start("-r", session)
    refused.wait("[f]ork")
    refused.press("ctrl-c")
    assert refused.end() == 75

    piped = subprocess.run(
        lra("chat", "-r", session), env=plain_env(home), input="hello\n", capture_output=True, text=True, check=False
    )
    assert piped.returncode == 75
    assert "is open in another process" in piped.stderr
