"""What is offered while typing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from lra.chat.commands import registry
from lra.chat.completion import ChatCompleter
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import Terminal


async def offered(text: str, cwd: Path) -> list[str]:
    completer = ChatCompleter(registry, cwd=cwd)
    return [found.text async for found in completer.get_completions_async(Document(text), CompleteEvent())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/re", ["/resume", "/rename", "/rewind", "/remember"]),
        ("/qu", ["/exit"]),
        ("/theme ", ["dark", "light", "high-contrast", "plain"]),
        ("/theme L", ["light"]),
        ("/keys v", ["vi"]),
        ("/help und", ["undo"]),
        ("/tasks d", ["done"]),
        ("/cost ", []),
        ("/nothing x", []),
        ("say /re", []),
        ("/etc/pass", []),
        ("mail me@no", []),
        ("@no", ["@notes.txt"]),
        ("look (@no", ["@notes.txt"]),
        ("@my", ['@"my file.md"']),
        ('@"my fi', ['@"my file.md"']),
        ("@mem", ["@memory:"]),
        ("@ses", ["@session:"]),
        ("@notes.txt and", []),
        ("see @notes.txt and @no", ["@notes.txt"]),
        ("see @notes.txt and (@my", ['@"my file.md"']),
        ("line\n@no", ["@notes.txt"]),
    ],
)
async def test_what_is_offered(text: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "my file.md").write_text("x")
    assert await offered(text, tmp_path) == expected


async def test_what_was_offered_is_known_later(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    completer = ChatCompleter(registry, cwd=tmp_path)
    async for _ in completer.get_completions_async(Document("@not"), CompleteEvent()):
        pass
    assert completer.offered == {"notes.txt"}


def chosen(chat: Terminal, typed: str, offered: str, line: str) -> None:
    """Type something, choose what is offered below it, and check what it becomes."""
    chat.send(typed)
    chat.wait(lambda it: any(offered in row for row in it.screen[it.cursor[1] + 1 : -1]))
    chat.press("tab")
    chat.wait(lambda it: re.fullmatch(f"> {line}", it.line) is not None)
    chat.press("ctrl-c")
    chat.prompt()


def test_it_is_chosen_with_tab_in_the_real_program(start: Start, home: Path) -> None:
    folder = home / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "notes.txt").write_text("x")
    chat = start(cwd=folder)
    chat.prompt()
    chat.wait("offline model")
    chat.tell("remember that the gate is green", "✎ remembered")
    chat.tell("/rename The gate", "now called")
    chat.tell("/new", "A new")
    chosen(chat, "/mem", "/memory [WORDS|blame ID|…]", "/memory")
    chosen(chat, "look at @not", "src/notes.txt", "look at @src/notes.txt")
    chosen(chat, "what of @memory:green", "The gate is green", "what of @memory:[a-z0-9]{12}")
    chosen(chat, "and @session:", "The gate", "and @session:[a-z0-9]{12}")
    chosen(chat, "/resume ", "The gate", "/resume [a-z0-9]{12}")
    chosen(chat, "/theme hi", "high-contrast", "/theme high-contrast")


@pytest.fixture
def beside_notes(start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]) -> Terminal:
    """A conversation in a folder with a file of notes."""
    (home / "notes.txt").write_text("milk and eggs")
    model_server.script(say("Milk."))
    chat = start(**model_env)
    chat.prompt()
    return chat


def test_the_only_choice_is_taken_with_tab_and_sent_with_enter(beside_notes: Terminal) -> None:
    chat = beside_notes
    chat.send("look at @no")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("tab")
    chat.wait(lambda it: it.line == "> look at @notes.txt" and not any(row.strip() == "notes.txt" for row in it.screen))
    chat.press("enter")
    chat.wait("Milk.")


def test_what_is_typed_on_behind_the_only_choice_is_a_word_of_its_own(beside_notes: Terminal) -> None:
    chat = beside_notes
    chat.send("look at @no")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("tab")
    chat.send("and say")
    chat.wait(lambda it: it.line == "> look at @notes.txt and say")


def test_what_is_typed_on_behind_one_of_several_choices_is_a_word_of_its_own(
    beside_notes: Terminal, home: Path, model_server: ModelServer
) -> None:
    (home / "notes.md").write_text("bread")
    chat = beside_notes
    chat.send("look at @notes")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("tab")
    chat.wait(lambda it: it.line == "> look at @notes.md")
    chat.send(", and @notes.t")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("ctrl-c")
    chat.prompt()
    chat.send("see @notes")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("tab", "tab")
    chat.wait(lambda it: it.line == "> see @notes.txt")
    chat.send("now")
    chat.wait(lambda it: it.line == "> see @notes.txt now")
    chat.press("ctrl-c")
    chat.prompt()
    chat.send("see @notes")
    chat.wait(lambda it: any(line.strip() == "notes.txt" for line in it.screen))
    chat.press("tab", "tab", "enter")
    chat.send("please")
    chat.wait(lambda it: it.line == "> see @notes.txt please")
    chat.press("enter")
    chat.wait("Milk.")
    assert any("milk and eggs" in str(message) for message in model_server.last_messages())


def test_a_file_goes_along_with_the_message(beside_notes: Terminal, model_server: ModelServer) -> None:
    beside_notes.send("what is in @notes.txt?\r")
    beside_notes.wait("· with notes.txt (")
    beside_notes.wait("Milk.")
    assert any("milk and eggs" in str(message) for message in model_server.last_messages())
