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


def test_memory_is_kept_found_and_forgotten(chat: Terminal, home: Path) -> None:
    chat.tell("/memory", "Nothing is remembered yet")
    chat.tell("/remember The boiler code is 4711", "✎ remembered “The boiler code is 4711”")
    chat.tell("/memory boiler", "fact  The boiler code is 4711 (")
    chat.send("/forget boiler\r")
    chat.wait("for good? [y/N]")
    chat.send("n\r")
    chat.wait("Nothing was forgotten.")
    chat.prompt()
    chat.send("/forget boiler\r")
    chat.wait(lambda terminal: terminal.text.count("for good? [y/N]") == 2)
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    chat.tell("/memory 4711", "Nothing remembered fits “4711”.")
    # The prompt's history forgot it too.
    with open(f"{home}/data/history") as file:
        text = file.read()
    assert "4711" not in text.replace("/memory 4711", "")
    assert "/remember [forgotten]" in text


def test_the_question_says_what_goes_and_earlier_values_leave_the_prompts_history(chat: Terminal, home: Path) -> None:
    chat.tell("I live in Oslo by the sea", "✎ remembered")
    chat.tell("Actually I live in Bergen by the sea", "✎ now knows")
    chat.send("/forget Bergen\r")
    chat.wait("Forget “I live in Bergen by the sea”, with what it replaced or led to, for good? [y/N]")
    chat.send("/tasks\r")
    chat.wait("The question comes first: y or n.")
    chat.wait(lambda terminal: terminal.text.count("for good? [y/N]") == 2)
    # What is no answer is not lost: the command stands in the prompt, and what is no command is one key away.
    chat.send("something else\r")
    chat.wait("Nothing was forgotten.")
    chat.wait(lambda terminal: terminal.line == "> /tasks")
    chat.press("enter")
    chat.wait("There are no tasks.")
    chat.press("up", "up")
    chat.wait(lambda terminal: terminal.line == "> something else")
    chat.press("ctrl-u")
    chat.send("/forget Bergen\r")
    chat.wait(lambda terminal: terminal.text.count("for good? [y/N]") == 3)
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    with open(f"{home}/data/history") as file:
        text = file.read()
    assert "Oslo" not in text
    assert "Bergen" not in text
    # Before the last command stand the one that was run, what was typed at the question, and the first command.
    chat.press("up", "up", "up", "up", "up")
    chat.wait(lambda terminal: terminal.line == "> Actually [forgotten]")


def test_what_is_forgotten_stands_in_no_title(chat: Terminal, home: Path) -> None:
    chat.tell("remember that my cat is called Tom", "✎ remembered")
    chat.wait(lambda terminal: "my cat is called Tom" in terminal.screen[-1])
    chat.send("/forget my cat\r")
    chat.wait("for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    chat.wait(lambda terminal: "[forgotten]" in terminal.screen[-1])
    assert "Tom" not in chat.screen[-1]
    chat.tell("/fork", "You are in a copy now")
    with contextlib.closing(sqlite3.connect(next(home.rglob("agent_memory.db")))) as record:
        titles = [title for (title,) in record.execute("SELECT title FROM sessions ORDER BY title")]
    assert titles == ["[forgotten]", "[forgotten] (fork)"]


def test_new_sessions_resume_and_fork(chat: Terminal) -> None:
    chat.tell("remember that my cat is called Tom", "✎ remembered")
    chat.tell("/rename The cat talk", "now called “The cat talk”")
    chat.tell("/new", "A new conversation.")
    chat.tell("remember that my bird is called Pip", "called Pip”")
    chat.send("/resume\r")
    chat.wait("> The cat talk")
    chat.send("\r")
    chat.wait("“The cat talk”, 1 turn")
    chat.prompt()
    chat.tell("/fork", "You are in a copy now")
    chat.tell("/sessions", "The cat talk (fork)")
    assert chat.text.count("my bird is called Pip") >= 1


def test_the_other_commands_answer(chat: Terminal) -> None:
    chat.tell("/help", "/keys lists the keys")
    chat.tell("/keys", "Ctrl-R")
    chat.tell("/keys dvorak", "There are no keys 'dvorak'. Use emacs or vi.")
    chat.tell("/keys vi", "with the keys of vi from now on")
    chat.tell("/keys emacs", "with the keys of emacs")
    chat.tell("/help forget", "Erase a memory for good")
    chat.tell("/tools", "create_task")
    chat.tell("/tasks", "There are no tasks")
    chat.tell("/cost", "turns")
    chat.tell("/compact", "There is nothing to shorten yet.")
    chat.tell("/uncompact", "Nothing was shortened")
    chat.tell("/context", "tool definitions")
    chat.tell("/expand", "No tool has been used")
    chat.tell("/copy", "There is no answer to copy yet.")
    chat.tell("/why", "Nothing has been answered")
    chat.tell("/undo", "There is nothing to undo.")
    chat.tell("/rewind", "There is nothing to undo.")
    chat.tell("/theme mauve", "There is no theme 'mauve'. Use one of dark, light,")
    chat.tell("/theme high-contrast", "The theme is high-contrast from now on.")
    chat.tell("/new again", "/new takes no arguments.")
    chat.tell("/fork", "There is nothing to copy yet.")
    chat.tell("hello", "Hello")
    chat.tell("/fork 9", "This conversation has no turn 9.")
    chat.tell("/rewind 9", "This conversation has no turn 9.")
    chat.tell("/cost ?", "Show what this conversation has used, undone turns included.")
    chat.tell("/sesions", "did you mean /sessions?")
    chat.tell("/model nonsense", "'nonsense' is no model name")
    chat.tell("/model openai:", "for example openai:gpt-6.1-terra")
    chat.tell("/help nonsense", "There is no command /nonsense")
    chat.tell("/model openai:gpt-x", "OPENAI_API_KEY")
    chat.tell("/resume zzz", "There is no session 'zzz'")
    chat.tell("/rename", "Write the title")
    chat.send("/quit\r")
    assert chat.end() == 0


def test_cost_context_and_the_status_line_agree(chat: Terminal) -> None:
    chat.tell("hello there", "Hello")
    chat.tell("/cost", re.compile(r"context  about ([\d,]+) of [\d,]+ tokens \((\d+)%\)"))
    found = re.search(r"about ([\d,]+) of [\d,]+ tokens \((\d+)%\)", chat.text)
    assert found is not None
    chat.tell("/context", "free")
    assert re.search(rf"in all +{found[1]} ", chat.text)
    chat.wait(f"context {found[2]}%")


def test_tasks_are_listed_and_finished(chat: Terminal) -> None:
    chat.tell("add a task: water the plants", "water the plants")
    chat.tell("/tasks", "1  [ ]  ")
    chat.tell("/tasks add buy soil", "[ ] buy soil (")
    chat.tell("/tasks done 1", "[x] water the plants: done.")
    chat.tell("/tasks start 2", "[~] buy soil: in progress.")
    chat.tell("/tasks", "1 is done or cancelled; /tasks all shows them.")
    chat.tell("/tasks all", "1  [x]  ")
    chat.tell("/tasks paint", "/tasks does not know 'paint'.")


def test_a_number_that_is_not_in_the_list_is_never_the_beginning_of_an_id(chat: Terminal, home: Path) -> None:
    chat.tell("add a task: water the plants", "water the plants")
    with contextlib.closing(sqlite3.connect(next(home.rglob("agent_memory.db")))) as record, record:
        assert record.execute("UPDATE tasks SET id = '7ahcg9by'").rowcount == 1
    chat.tell("/tasks done 7", "There is no task '7'")
    chat.tell("/tasks done 7ah", "[x] water the plants: done.")


def test_doctor_looks_without_leaving(chat: Terminal) -> None:
    chat.tell("/doctor", re.compile(r"^(?:ok|warn)  +sandbox  +\S", re.MULTILINE))
    assert "ok    database" in chat.text


def test_a_conversation_is_written_to_a_file_and_none_is_replaced(chat: Terminal, home: Path) -> None:
    chat.tell("hello there", "Hello")
    chat.tell("/rename A talk: with/slashes", "is now called")
    chat.tell("/export", f"Wrote {home}/a-talk-with-slashes.md")
    chat.tell("/export html", "a-talk-with-slashes.html")
    chat.tell("/export", "a-talk-with-slashes-2.md")
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
    chat.tell("/export md ./here.md", f"Wrote {home}/here.md")
    chat.tell("/export talk.docx", "names no format")
    chat.tell("/export json /nowhere/x.json", "cannot be written")


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
    chat.tell("remember that the gate is green", "✎ remembered")
    chat.tell("/sessions", "* is this one")
    session = next(line for line in chat.lines if line.startswith("  *  ")).split()[1]

    other = start("-r", session)
    other.wait("is open in another process")
    other.wait("[f]ork")
    other.send("f\r")
    other.wait("(fork)")
    other.prompt()
    other.tell("hello", "Hello")

    reader = start("-r", session)
    reader.wait("[f]ork")
    reader.send("r\r")
    reader.wait("the gate is green")
    reader.prompt()
    reader.send("hello\r")
    reader.wait("open for reading only. /fork goes on in a copy.")
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
