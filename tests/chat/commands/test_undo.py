"""Taking turns back in the real program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.chat.front import front
from tests.support.model_server import ModelServer, fail, say
from tests.support.model_server.script import Usage
from tests.support.terminal import Terminal


@pytest.fixture
def chat(start: Start) -> Terminal:
    terminal = start(LINES="40")
    terminal.prompt()
    terminal.wait("offline model")
    return terminal


def test_undo_takes_back_what_the_turn_remembered(chat: Terminal) -> None:
    chat.tell("remember that my cat is called Tom", "✎ remembered")
    chat.send("/undo\r")
    chat.wait("Undone: 1 turn (turn 1). The message is in the prompt.")
    chat.wait("memory taken back: My cat is called Tom")
    chat.wait(lambda terminal: terminal.line == "> remember that my cat is called Tom")
    chat.press("ctrl-c")
    chat.tell("/memory", "Nothing is remembered yet.")
    chat.tell("/undo", "There is nothing to undo.")


def test_undo_takes_back_tasks_and_what_was_said_before_stays(chat: Terminal) -> None:
    chat.tell("hello there", "Hello")
    chat.tell("add a task: water the plants", "water the plants")
    chat.send("/undo\r")
    chat.wait("task taken back: water the plants")
    chat.wait("Undone: 1 turn (turn 2)")
    chat.press("ctrl-c")
    chat.tell("/tasks", "There are no tasks.")
    chat.tell("/cost", "1 and 1 undone with ")


def at(chat: Terminal, line: str) -> None:
    """Wait until the cursor is at the end of a line of the prompt."""
    chat.wait(lambda terminal: terminal.here == (line, len(line)))


def test_a_command_typed_behind_the_message_that_came_back_is_a_command(chat: Terminal) -> None:
    for word in ("one", "two", "three"):
        chat.tell(f"remember that lamp {word} is red", f"✎ remembered “lamp {word} is red”")
    chat.send("/undo\r")
    at(chat, "> remember that lamp three is red")
    chat.send("/undo\r")
    chat.wait("Undone: 1 turn (turn 2). The message is in the prompt.")
    at(chat, "> remember that lamp two is red")
    # The other one is where everything is that was typed: one line up.
    chat.press("ctrl-c")
    chat.prompt()
    chat.press("up", "up", "up")
    at(chat, "> remember that lamp three is red")
    chat.press("ctrl-c")
    chat.prompt()
    chat.send("/memory\r")
    chat.wait(lambda terminal: any(row.startswith("> lamp one is red") for row in terminal.screen))
    assert not any("lamp two" in row for row in chat.screen[-8:])
    chat.press("escape")
    chat.prompt()


def test_two_undos_in_one_breath_leave_one_message_in_the_prompt(chat: Terminal) -> None:
    for word in ("one", "two", "three"):
        chat.tell(f"remember that lamp {word} is red", f"✎ remembered “lamp {word} is red”")
    chat.send("/undo\r/undo\r")
    chat.wait("Undone: 1 turn (turn 2).")
    at(chat, "> remember that lamp two is red")


def test_a_message_that_came_back_may_go_on_with_a_slash(chat: Terminal) -> None:
    chat.tell("hello there", "Hello")
    chat.send("/undo\r")
    at(chat, "> hello there")
    chat.send(" and/or /you")
    at(chat, "> hello there and/or /you")


def test_a_long_paste_comes_back_as_one_word(
    start: Start, model_env: dict[str, str], model_server: ModelServer
) -> None:
    model_server.script(default=say("Yes."))
    chat = start(**model_env)
    chat.prompt()
    text = "\n".join(f"line {number}" for number in range(200))
    chat.paste(text)
    chat.wait("> [pasted 200 lines]")
    chat.press("enter")
    chat.wait("Yes.")
    chat.prompt()
    chat.send("/undo\r")
    at(chat, "> [pasted 200 lines]")
    chat.press("enter")
    chat.wait(lambda terminal: terminal.text.count("Yes.") == 2)
    chat.prompt()
    assert [message.text for message in model_server.last_messages() if message.role == "user"] == [text]


async def test_what_comes_back_leaves_what_is_being_typed_alone() -> None:
    async with front() as shown:
        prompt = shown.prompt
        prompt.draft.text = "and then"
        prompt.draft.cursor_position = 3
        prompt.offer("hello there")
        assert (prompt.draft.text, prompt.draft.cursor_position) == ("hello there\nand then", 15)
        prompt.draft.reset()
        prompt.draft.text = "/un"
        prompt.offer("hello there")
        assert prompt.draft.text == "/un"
        assert prompt.history.get_strings()[-1] == "hello there"


def test_on_a_plain_terminal_enter_sends_it_again(start: Start) -> None:
    chat = start("--plain")
    chat.prompt()
    chat.wait("offline model")
    chat.send("remember that my cat is called Tom\r")
    chat.wait("I will remember")
    chat.prompt()
    for answer, expected in (("", "(?s)(I will remember.*){2}"), ("/memory", "Nothing is remembered yet.")):
        chat.send("/undo\r")
        chat.wait("Undone: 1 turn (turn 1).\n")
        chat.wait("remember that my cat is called Tom\nEnter sends this again; anything else is sent instead.\n>")
        chat.prompt()
        chat.send(f"{answer}\r")
        chat.wait(re.compile(expected))
        chat.prompt()


def test_what_was_undone_was_paid_for(start: Start, model_env: dict[str, str], model_server: ModelServer) -> None:
    model_server.script(default=say("Yes.", usage=Usage(1000, 100)))
    chat = start(**model_env)
    chat.prompt()
    chat.tell("one", "Yes.")
    chat.tell("two", "100 out")
    price = re.compile(r"cost +\$(\S+)")
    chat.tell("/cost", price)
    before = price.findall(chat.text)
    chat.send("/undo\r")
    chat.wait("Undone: 1 turn (turn 2)")
    chat.press("ctrl-c")
    chat.tell("/cost", "1 and 1 undone with 2 model requests")
    assert price.findall(chat.text) == [*before, *before]
    assert "2,000 in, 200 out" in chat.text
    assert chat.text.splitlines()[-1].endswith(f"· ${before[0]}")


def test_rewind_by_number_leaves_memories_unless_told(chat: Terminal) -> None:
    chat.tell("remember that my cat is called Tom", "✎ remembered")
    chat.tell("hello there", "Hello")
    chat.tell("/rewind 7", "no turn 7")
    chat.tell("/rewind two", "'two' is no turn number.")
    chat.send("/rewind 1\r")
    chat.wait("Undone: 2 turns (turns 1 to 2)")
    chat.wait(lambda terminal: terminal.line == "> remember that my cat is called Tom")
    chat.press("ctrl-c")
    chat.tell("/memory Tom", "My cat is called Tom (")


def test_rewind_picks_a_turn_and_says_what_that_undoes(chat: Terminal) -> None:
    chat.tell("remember that my cat is called Tom", "✎ remembered")
    chat.tell("hello there", "Hello")
    chat.send("/rewind\r")
    chat.wait("> 2 hello there")
    chat.wait("Undoes 1 turn.")
    chat.press("down")
    chat.wait("Undoes 2 turns.")
    chat.wait("With a: memory would be taken back: My cat is called Tom")
    chat.send("a")
    chat.wait("Undone: 2 turns (turns 1 to 2)")
    chat.wait("memory taken back: My cat is called Tom")
    # The picker has left nothing behind.
    assert "Undo from" not in chat.text
    assert "Undoes" not in chat.text
    chat.press("ctrl-c")
    chat.tell("/memory", "Nothing is remembered yet.")


def test_a_rewind_that_was_given_up_changes_nothing(chat: Terminal) -> None:
    chat.tell("hello there", "Hello")
    for key in ("escape", "ctrl-c", "ctrl-d"):
        chat.send("/rewind\r")
        chat.wait("Undo from")
        chat.press(key)
        chat.wait(lambda terminal: "Undo from" not in terminal.text)
        chat.prompt()
    chat.tell("/cost", "1 with ")


def test_a_message_comes_back_as_it_was_written_without_what_went_along(chat: Terminal, home: Path) -> None:
    (home / "notes.txt").write_text("milk")
    chat.tell("hello there", "Hello")
    chat.send("what is in @notes.txt?\r")
    chat.wait("context")
    chat.wait(lambda terminal: "attachment" in terminal.text)
    chat.send("/undo\r")
    chat.wait("Undone: 1 turn (turn 2)")
    chat.wait(lambda terminal: terminal.line == "> what is in @notes.txt?")
    chat.press("ctrl-c")
    assert "[attached" not in chat.text


def test_compaction_is_shown_and_taken_back(chat: Terminal) -> None:
    for number in range(3):
        chat.tell(f"remember that lamp {number} is " + "very " * 40 + "red", f"✎ remembered “lamp {number} is")
    chat.send("/compact\r")
    chat.wait(re.compile(r"about [\d,]+ tokens before, [\d,]+ now; /uncompact takes it back"))
    chat.prompt()
    chat.tell("/uncompact", "The whole conversation is sent again")
    chat.tell("/uncompact", "Nothing was shortened")


def test_a_compaction_without_a_model_says_so(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(*(say(f"Answer {number}.") for number in range(3)), fail("overloaded"))
    chat = start(**model_env)
    chat.prompt()
    for number in range(3):
        chat.tell(f"Question {number} about the lamp in the hall?", f"Answer {number}.")
    chat.tell("/compact", "! No model summarised what was left out; rules picked sentences of it.")
    assert "To try again: /uncompact, then /compact." in " ".join(chat.text.split())


def test_a_message_that_begins_with_a_slash_does_not_come_back_as_a_command(chat: Terminal) -> None:
    chat.tell("//help me with this", re.compile(r"\w"))
    chat.send("/undo\r")
    chat.wait("Undone: 1 turn (turn 1).")
    at(chat, "> //help me with this")
