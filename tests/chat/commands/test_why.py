"""Where an answer came from, in the real program."""

from __future__ import annotations

import base64
import re

import pytest

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import Terminal


@pytest.fixture
def chat(start: Start) -> Terminal:
    terminal = start(LINES="40")
    terminal.prompt()
    terminal.wait("offline model")
    return terminal


def ask_about_the_cat(chat: Terminal) -> None:
    chat.tell("/remember My cat is called Tom", "✎ remembered")
    # What was said in a conversation is in its context anyway, and not recalled in it.
    chat.tell("/new", "A new conversation.")
    chat.tell("what is my cat called?", "↺ recalled 1")


def test_it_says_what_was_recalled_and_by_what(chat: Terminal) -> None:
    chat.tell("/why", "Nothing has been answered in this conversation yet.")
    ask_about_the_cat(chat)
    chat.send("/why\r")
    chat.wait("Recalled for “what is my cat called?”:")
    chat.wait("1  My cat is called Tom")
    chat.wait(re.compile(r"words fit \d+%, score 0\.\d\d, fact \w+, \d{4}-\d\d-\d\d"))
    chat.wait("Forget a wrong one by its number, or Enter:")
    chat.send("\r")
    chat.prompt()
    chat.tell("/why forget 4", "There is no number 4.")
    chat.tell("/why not", "/why does not know 'not'.")


def test_while_an_answer_is_written_it_speaks_of_that_one(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    chat = start(LINES="40", **model_env)
    chat.prompt()
    chat.tell("/remember My cat is called Tom", "✎ remembered")
    chat.tell("/new", "A new conversation.")
    model_server.script(say("He is called Tom. " * 40, chunks=100, chunk_delay=0.1))
    chat.send("what is my cat called?\r")
    chat.wait("↺ recalled 1")
    chat.send("/why\r")
    chat.wait("Recalled for “what is my cat called?”:")
    chat.wait("or Enter:")
    chat.send("\r")
    chat.press("ctrl-c")
    chat.wait("Stopped. What was said so far is kept.")


def test_a_wrong_one_is_forgotten_from_there(chat: Terminal) -> None:
    ask_about_the_cat(chat)
    chat.send("/why\r")
    chat.wait("or Enter:")
    for wrong in ("9", "0"):
        chat.send(f"{wrong}\r")
        chat.wait(f"There is no number {wrong}.")
        chat.wait(lambda terminal: terminal.line.endswith("or Enter:"))
    chat.send("1\r")
    chat.wait("for good? [y/N]")
    chat.send("y\r")
    chat.wait("Forgotten.")
    chat.prompt()
    chat.tell("/memory", "Nothing is remembered yet.")
    chat.tell("/why", "search_memory → “[forgotten]”")


def test_what_is_no_number_is_a_message(chat: Terminal) -> None:
    chat.tell("remember that my dog is called Rex", "✎ remembered")
    chat.tell("/new", "A new conversation.")
    chat.tell("what is my dog called?", "↺ recalled")
    for said, answer in (("/cost", "turns "), ("remember that it is late", "✎ remembered “It is late”")):
        chat.send("/why\r")
        chat.wait(lambda it: it.line.startswith("Forget a wrong one by its number, or Enter:"))
        chat.send(said + "\r")
        chat.wait(answer)
        chat.prompt()


def test_a_resumed_conversation_still_knows_why(chat: Terminal, start: Start) -> None:
    ask_about_the_cat(chat)
    chat.press("ctrl-d")
    assert chat.end() == 0
    again = start("-c", LINES="40")
    again.prompt()
    again.wait("what is my cat called")
    again.send("/why\r")
    again.wait("1  My cat is called Tom")
    again.wait("words fit")


def test_an_answer_and_its_blocks_are_copied_as_they_were_written(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    answer = "Do **this**:\n\n```sh\necho 'é'\n\n  ls\n```\n\n* then\n\n```py\nprint()\n```\n"
    model_server.script(say(answer))
    chat = start(**model_env)
    chat.prompt()
    chat.tell("how?", "then")
    chat.wait(lambda terminal: "print()" in terminal.text)
    chat.prompt()

    def copied() -> list[str]:
        return [base64.b64decode(data).decode() for data in re.findall(rb"\x1b\]52;c;([^\x07]*)\x07", chat.raw)]

    chat.tell("/copy", "Copied the answer, ")
    assert "with the terminal (OSC 52)." in chat.text
    assert copied() == [answer]
    chat.tell("/copy 1", "Copied block 1, ")
    chat.tell("/copy 2", "Copied block 2, 7 characters")
    assert copied()[1:] == ["echo 'é'\n\n  ls", "print()"]
    chat.tell("/copy 3", "'3' is no number of a block: there are blocks 1 to 2.")
    chat.tell("/copy all", "'all' is no number of a block")


def test_a_block_of_an_answer_that_is_being_written_is_copied(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    text = "Like this:\n\n```sh\nls -l\n```\n\nAnd then:\n\n```sh\npwd\nls"
    model_server.script(say((text, " -l\n```\n"), hold=1))
    chat = start(**model_env)
    chat.prompt()
    chat.send("how?\r")
    chat.wait("pwd")
    chat.send("/copy 1\r")
    chat.wait("Copied block 1, 5 characters")
    chat.send("/copy 2\r")
    chat.wait("Copied block 2 as far as it is written, 3 characters")
    chat.press("escape")
    chat.wait("Stopped.")


def test_it_says_when_the_model_looked_for_itself(chat: Terminal) -> None:
    chat.tell("remember that I deploy on Fridays", "✎ remembered")
    chat.tell("when do I deploy?", "You told me today")
    chat.tell("/why", "the model looked in memory itself:")
    chat.wait("search_memory → “")
