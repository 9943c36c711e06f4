"""Choosing from a list in the real program: drawn below the conversation, gone when done."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lra.chat.width import cells
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import Terminal


@pytest.fixture
def chat(start: Start) -> Terminal:
    terminal = start(LINES="30")
    terminal.prompt()
    terminal.wait("offline model")
    return terminal


def gone(what: str) -> Callable[[Terminal], bool]:
    return lambda terminal: what not in terminal.text


def two_conversations(chat: Terminal) -> None:
    chat.tell("remember that the boiler code is 4711", "✎ remembered")
    chat.tell("/rename Heating", "now called “Heating”")
    chat.tell("/new", "A new conversation.")
    chat.tell("add a task: water the plants", "water the plants")
    chat.tell("/rename Garden", "now called “Garden”")
    chat.tell("/new", "A new conversation.")


def test_resume_finds_what_was_said_shows_it_and_goes_there(chat: Terminal) -> None:
    two_conversations(chat)
    chat.send("/resume\r")
    chat.wait(re.compile(r"^> Garden .*1 turn, just now$", re.MULTILINE))
    chat.wait("    > add a task: water the plants")
    # Not in the title, but in what was said, also while the word is being typed.
    chat.send("boil")
    chat.wait(re.compile(r"^> Heating: .*boiler", re.MULTILINE))
    chat.send("er")
    chat.wait(re.compile(r"^> Heating: .*boiler", re.MULTILINE))
    chat.wait("    > remember that the boiler code is 4711")
    chat.send("\r")
    chat.wait("“Heating”, 1 turn")
    chat.prompt()
    assert "Enter chooses" not in chat.text
    assert "Resume:" not in chat.text


def test_what_was_found_is_shown_at_its_place(chat: Terminal) -> None:
    chat.tell("remember that the harpoon is in the shed", "✎ remembered")
    for number in range(4):
        chat.tell(f"add task: mend net {number}", f"mend net {number}")
    chat.tell("/new", "A new conversation.")
    chat.send("/resume\r")
    chat.wait("    > add task: mend net 3")
    chat.send("harpoo")
    chat.wait("    > remember that the harpoon is in the shed")
    assert "    > add task: mend net 3" not in chat.screen
    chat.press("escape")
    chat.wait(gone("Resume:"))


def test_letters_move_once_the_list_was_entered(chat: Terminal) -> None:
    two_conversations(chat)
    chat.send("/resume\r")
    chat.wait("> Garden")
    chat.send("j")
    chat.wait("Resume (0 of 2): j")
    chat.press("backspace")
    chat.wait("> Garden")
    chat.press("down")
    chat.wait("> Heating")
    chat.send("k")
    chat.wait("> Garden")
    chat.send("j")
    chat.wait("> Heating")
    chat.press("escape")
    chat.wait(gone("Resume:"))
    chat.prompt()


def test_memories_are_edited_and_forgotten_where_they_are_browsed(chat: Terminal) -> None:
    chat.tell("/remember The gate is green", "remembered “The gate is green”")
    chat.tell("/remember The lamp is red", "remembered “The lamp is red”")
    chat.send("/memory\r")
    chat.wait("> The lamp is red")
    chat.send("j")
    chat.wait("> The gate is green")
    chat.send("e")
    chat.wait(lambda terminal: terminal.line == "Edit: The gate is green")
    chat.press("backspace", "backspace", "backspace", "backspace", "backspace")
    chat.send("blue\r")
    chat.wait("✎ now “The gate is blue”")
    # The list is there again, with the new text, and the next key is for the same memory.
    chat.wait("> The gate is blue")
    chat.wait("  The lamp is red")
    chat.send("p")
    chat.wait(re.compile(r"> The gate is blue +pinned, "))
    chat.send("/blue")
    chat.wait("> The gate is blue")
    chat.press("tab")
    chat.send("d")
    chat.wait("for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.wait("> The lamp is red")
    chat.press("escape")
    chat.prompt()
    chat.tell("/memory gate", "Nothing remembered fits “gate”.")


def test_a_memory_is_shown_whole_with_where_it_came_from(chat: Terminal) -> None:
    chat.tell("/remember The gate is green " + "and tall " * 30 + "and closed", "✎ remembered")
    chat.send("/memory\r")
    chat.wait("Enter chooses")
    chat.send("\r")
    chat.wait("written by the person just now")
    chat.prompt()
    assert "and closed" in chat.text


def test_tags_are_parted_by_commas_too(chat: Terminal) -> None:
    chat.tell("/remember The gate is green", "remembered “The gate is green”")
    chat.send("/memory\r")
    chat.wait("> The gate is green")
    chat.send("t")
    chat.wait("Tags")
    chat.send("#paint, home\r")
    chat.wait("tagged #paint #home: “The gate is green”")
    chat.wait("> The gate is green")
    chat.press("escape")
    chat.prompt()


def test_forgetting_asks_which(chat: Terminal) -> None:
    chat.tell("/remember The gate is green", "remembered “The gate is green”")
    chat.tell("/remember The gate is old", "remembered “The gate is old”")
    chat.send("/forget gate\r")
    chat.wait("Forget which")
    chat.press("down")
    chat.send("\r")
    chat.wait("for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    chat.send("/forget gate\r")
    chat.wait(lambda terminal: terminal.text.count("for good? [y/N]") == 2)
    chat.press("ctrl-c")
    chat.wait("Nothing was forgotten.")


@pytest.mark.parametrize(("columns", "rows"), [("40", "12"), ("40", "8"), ("120", "50")])
def test_it_takes_half_of_any_terminal_at_most(start: Start, columns: str, rows: str) -> None:
    chat = start(COLUMNS=columns, LINES=rows)
    chat.prompt()
    for number in range(12):
        chat.send(f"/remember 漢字の記憶 {number} 👩‍👩‍👧 with a text that is longer than forty columns\r")
        chat.wait(f"記憶 {number} ")
        chat.prompt()
    chat.send("/memory\r")
    chat.wait("Memory")
    chat.wait(re.compile(r"^> 漢字", re.MULTILINE))
    drawn = chat.lines[-int(rows) // 2 :]
    top = next(index for index, line in enumerate(chat.lines) if line.startswith("Memory"))
    assert len(chat.lines) - top <= max(4, int(rows) // 2)
    assert all(cells(line.replace(" ", "")) <= int(columns) for line in drawn)
    chat.press("escape")
    chat.wait(gone("Memory"))
    chat.prompt()


def test_a_theme_is_chosen_and_kept(chat: Terminal, start: Start, home: Path) -> None:
    chat.send("/theme\r")
    chat.wait("> dark")
    chat.press("down")
    chat.wait("> light")
    chat.send("\r")
    chat.wait("The theme is light from now on.")
    chat.prompt()
    chat.press("ctrl-d")
    assert chat.end() == 0
    again = start()
    again.prompt()
    again.wait("offline model")
    assert b"38;5;" in again.raw
    assert '"theme": "light"' in (home / "data" / "ui.json").read_text()


def test_a_model_that_is_not_listed_can_be_typed(chat: Terminal) -> None:
    chat.send("/model\r")
    chat.wait("> offline")
    chat.send("openai:gpt-x")
    chat.wait("> openai:gpt-x")
    chat.send("\r")
    chat.wait("OPENAI_API_KEY")
    chat.prompt()
    chat.tell("/cost", "context")


def test_models_of_providers_with_a_key_are_offered(start: Start) -> None:
    chat = start(ANTHROPIC_API_KEY="test-key", LRA_MODEL="offline")
    chat.prompt()
    chat.send("/model\r")
    chat.wait("> offline")
    chat.send("sonnet")
    chat.wait(re.compile(r"^> anthropic:claude-sonnet", re.MULTILINE))
    chat.send("\r")
    chat.wait("Answering with anthropic:claude-sonnet")


def test_it_opens_while_an_answer_is_written_and_loses_nothing_of_it(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say(("First part.\n\n", "Second part.\n\n", "Last part."), hold=1))
    chat = start(**model_env)
    chat.prompt()
    chat.send("/remember The gate is green\r")
    chat.wait("✎ remembered")
    chat.prompt()
    chat.send("go\r")
    model_server.wait_held(timeout=20)
    chat.wait("First part.")
    chat.send("/memory\r")
    chat.wait("> The gate is green")
    model_server.release()
    model_server.wait_for(lambda server: server.held == 0)
    chat.send("e")
    chat.wait(lambda terminal: terminal.line == "Edit: The gate is green")
    assert "Last part." not in chat.text
    chat.press("escape")
    chat.wait("> The gate is green")
    chat.press("escape")
    chat.wait("Last part.")
    chat.prompt()
    order = [chat.text.index(part) for part in ("First part.", "Second part.", "Last part.")]
    assert order == sorted(order)
    assert chat.text.count("Second part.") == 1


def test_a_plain_terminal_gets_numbers(start: Start) -> None:
    chat = start("--plain", COLUMNS="160")
    chat.wait("offline model")
    for text in ("The gate is green", "The lamp is red"):
        chat.send(f"/remember {text}\r")
        chat.wait(f"remembered “{text}”")
    chat.send("/memory\r")
    chat.wait("Number, e N edits, d N forgets, ")
    chat.wait("words to search, or Enter")
    assert re.search(r"^  1  The lamp is red", chat.text, re.MULTILINE)
    chat.send("gate\r")
    chat.wait(re.compile(r"^  1  The gate is green", re.MULTILINE))
    chat.send("d 1\r")
    chat.wait("for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.wait(lambda terminal: terminal.text.count("or Enter for none:") == 3)
    chat.send("9\r")
    chat.wait("There is no number 9 in the list.")
    chat.send("\r")
    chat.send("/memory gate\r")
    chat.wait("Nothing remembered fits “gate”.")
    assert b"\x1b" not in chat.raw


def test_what_is_typed_right_behind_a_picker_goes_into_the_prompt(start: Start) -> None:
    chat = start(LRA_MODEL="offline")
    chat.prompt()
    for leave in ("\x1b", "\x03"):
        chat.send("/theme\r")
        chat.wait("high-contrast")
        chat.wait("Enter chooses")
        chat.send(f"{leave}and on it goes")
        chat.wait(lambda it: it.line == "> and on it goes")
        chat.press("ctrl-c")
        chat.prompt()
