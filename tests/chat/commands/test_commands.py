"""Slash commands in the real program, with the offline model."""

from __future__ import annotations

import contextlib
import re
import sqlite3
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


def tell(chat: Terminal, line: str, expected: str | re.Pattern[str]) -> None:
    chat.send(line + "\r")
    chat.wait(expected)
    chat.prompt()


def test_memory_is_kept_found_and_forgotten(chat: Terminal, home: Path) -> None:
    tell(chat, "/memory", "Nothing is remembered yet")
    tell(chat, "/remember The boiler code is 4711", "✎ remembered “The boiler code is 4711”")
    tell(chat, "/memory boiler", "fact  The boiler code is 4711 (")
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


def test_what_is_forgotten_stands_in_no_title(chat: Terminal, home: Path) -> None:
    tell(chat, "remember that my cat is called Tom", "✎ remembered")
    chat.wait(lambda terminal: "my cat is called Tom" in terminal.screen[-1])
    chat.send("/forget my cat\r")
    chat.wait("Forget this for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    chat.wait(lambda terminal: "[forgotten]" in terminal.screen[-1])
    assert "Tom" not in chat.screen[-1]
    tell(chat, "/fork", "You are in a copy now")
    with contextlib.closing(sqlite3.connect(next(home.rglob("agent_memory.db")))) as record:
        titles = [title for (title,) in record.execute("SELECT title FROM sessions ORDER BY title")]
    assert titles == ["[forgotten]", "[forgotten] (fork)"]


def test_new_sessions_resume_and_fork(chat: Terminal) -> None:
    tell(chat, "remember that my cat is called Tom", "✎ remembered")
    tell(chat, "/rename The cat talk", "now called “The cat talk”")
    tell(chat, "/new", "A new conversation.")
    tell(chat, "remember that my bird is called Pip", "called Pip”")
    chat.send("/resume\r")
    chat.wait("> The cat talk")
    chat.send("\r")
    chat.wait("“The cat talk”, 1 turn")
    chat.prompt()
    tell(chat, "/fork", "You are in a copy now")
    tell(chat, "/sessions", "The cat talk (fork)")
    assert chat.text.count("my bird is called Pip") >= 1


def test_the_other_commands_answer(chat: Terminal) -> None:
    tell(chat, "/help", "/keys lists the keys")
    tell(chat, "/keys", "Ctrl-R")
    tell(chat, "/keys dvorak", "There are no keys 'dvorak'. Use emacs or vi.")
    tell(chat, "/keys vi", "with the keys of vi from now on")
    tell(chat, "/keys emacs", "with the keys of emacs")
    tell(chat, "/help forget", "Erase a memory for good")
    tell(chat, "/tools", "create_task")
    tell(chat, "/tasks", "There are no tasks")
    tell(chat, "/cost", "turns")
    tell(chat, "/compact", "There is nothing to shorten yet.")
    tell(chat, "/uncompact", "Nothing was shortened")
    tell(chat, "/context", "tool definitions")
    tell(chat, "/expand", "No tool has been used")
    tell(chat, "/copy", "There is no answer to copy yet.")
    tell(chat, "/why", "Nothing has been answered")
    tell(chat, "/undo", "There is nothing to undo.")
    tell(chat, "/rewind", "There is nothing to undo.")
    tell(chat, "/theme mauve", "There is no theme 'mauve'. Use one of dark, light,")
    tell(chat, "/theme high-contrast", "The theme is high-contrast from now on.")
    tell(chat, "/new again", "/new takes no arguments.")
    tell(chat, "/fork 9", "This conversation has no turn 9.")
    tell(chat, "/cost ?", "Show what this conversation has used, undone turns included.")
    tell(chat, "/sesions", "did you mean /sessions?")
    tell(chat, "/model nonsense", "'nonsense' is no model name")
    tell(chat, "/model openai:", "for example openai:gpt-6.1-terra")
    tell(chat, "/help nonsense", "There is no command /nonsense")
    tell(chat, "/model openai:gpt-x", "OPENAI_API_KEY")
    tell(chat, "/resume zzz", "There is no session 'zzz'")
    tell(chat, "/rename", "Write the title")
    chat.send("/quit\r")
    assert chat.end() == 0


def test_cost_context_and_the_status_line_agree(chat: Terminal) -> None:
    tell(chat, "hello there", "Hello")
    tell(chat, "/cost", re.compile(r"context  about ([\d,]+) of [\d,]+ tokens \((\d+)%\)"))
    found = re.search(r"about ([\d,]+) of [\d,]+ tokens \((\d+)%\)", chat.text)
    assert found is not None
    tell(chat, "/context", "free")
    assert re.search(rf"in all +{found[1]} ", chat.text)
    chat.wait(f"context {found[2]}%")


def test_tasks_are_listed_and_finished(chat: Terminal) -> None:
    tell(chat, "add a task: water the plants", "water the plants")
    tell(chat, "/tasks", "1  [ ]  ")
    tell(chat, "/tasks add buy soil", "[ ] buy soil (")
    tell(chat, "/tasks done 1", "[x] water the plants: done.")
    tell(chat, "/tasks start 2", "[~] buy soil: in progress.")
    tell(chat, "/tasks", "1 is done or cancelled; /tasks all shows them.")
    tell(chat, "/tasks all", "1  [x]  ")
    tell(chat, "/tasks paint", "/tasks does not know 'paint'.")


def test_a_number_that_is_not_in_the_list_is_never_the_beginning_of_an_id(chat: Terminal, home: Path) -> None:
    tell(chat, "add a task: water the plants", "water the plants")
    with contextlib.closing(sqlite3.connect(next(home.rglob("agent_memory.db")))) as record, record:
        assert record.execute("UPDATE tasks SET id = '7ahcg9by'").rowcount == 1
    tell(chat, "/tasks done 7", "There is no task '7'")
    tell(chat, "/tasks done 7ah", "[x] water the plants: done.")


def test_doctor_looks_without_leaving(chat: Terminal) -> None:
    tell(chat, "/doctor", re.compile(r"^(?:ok|warn)  +sandbox  +\S", re.MULTILINE))
    assert "ok    database" in chat.text


def test_a_conversation_is_written_to_a_file_and_none_is_replaced(chat: Terminal, home: Path) -> None:
    tell(chat, "hello there", "Hello")
    tell(chat, "/rename A talk: with/slashes", "is now called")
    tell(chat, "/export", f"Wrote {home}/a-talk-with-slashes.md")
    tell(chat, "/export html", "a-talk-with-slashes.html")
    tell(chat, "/export", "a-talk-with-slashes-2.md")
    first = home / "a-talk-with-slashes.md"
    assert "hello there" in first.read_text()
    assert first.stat().st_mode & 0o777 == 0o600
    first.write_text("mine")
    chat.send(f"/export {first.name}\r")
    chat.wait("Replace it? [y/N]")
    chat.send("n\r")
    chat.wait("was left as it is")
    chat.prompt()
    assert first.read_text() == "mine"
    tell(chat, "/export talk.docx", "names no format")
    tell(chat, "/export json /nowhere/x.json", "could not be written")


def test_the_editor_writes_the_next_message(start: Start, home: Path) -> None:
    editor = home / "editor"
    editor.write_text("#!/bin/sh\nprintf 'first\\nsecond\\n' >> \"$1\"\n")
    editor.chmod(0o755)
    chat = start(VISUAL=str(editor))
    chat.prompt()
    chat.wait("offline model")
    chat.send("/editor\r")
    chat.wait(lambda terminal: terminal.line.strip() == "second")
    assert "> first" in chat.text


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
