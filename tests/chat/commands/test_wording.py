"""What a conversation says of itself names its own commands, not the shell's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lra.chat.wording import in_chat
from lra.checks import Conversation, check_index, check_model
from lra.config import load_settings
from lra.errors import UsageError
from lra.memory import Memory
from lra.store import StructuredMemoryStore
from tests.chat.commands.test_arguments import chat
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, fail


def test_what_is_not_there_is_looked_for_in_the_conversation() -> None:
    said = chat("/resume nope", "/sessions xyzzy", "/model nope:x")
    assert "There is no session 'nope'. /sessions shows them all." in said
    assert "`lra " not in said


@pytest.mark.parametrize(
    ("shell", "here"),
    [
        ("`lra memory search WORDS` finds them.", "/memory WORDS finds them."),
        ("`lra tasks list` shows them all.", "/tasks all shows them all."),
        ("`lra chat -r abc` goes on with it.", "/resume abc goes on with it."),
        (
            "OpenAI does not know it: choose another with --model or LRA_MODEL, or",
            "OpenAI does not know it: choose another with /model, or",
        ),
        ("send less text, or start a new session.", "send less text, or start a new conversation with /new."),
        ("`lra memory restore FILE` goes back.", "`lra memory restore FILE` goes back."),
    ],
)
def test_commands_of_the_shell_have_others_in_the_conversation(shell: str, here: str) -> None:
    assert in_chat(shell) == here


@pytest.mark.parametrize(
    ("message", "whole"),
    [
        ("Say which: /tasks done N", "Say which: /tasks done N. So."),
        ("That is wrong.", "That is wrong. So."),
        ("Say what:", "Say what: So."),
    ],
)
def test_a_message_and_what_to_do_are_two_sentences(message: str, whole: str) -> None:
    assert str(UsageError(message, hint="So.")) == whole


def test_an_unknown_model_is_exchanged_where_one_is(
    start: Start, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(fail("model_not_found"))
    terminal = start(**model_env)
    terminal.prompt()
    terminal.send("hello\r")
    terminal.wait("choose another with /model")


def test_the_check_of_a_conversation_speaks_of_its_own_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRA_MODEL", "offline")
    settings = load_settings()
    assert check_model(settings, Conversation("offline")) == check_model(settings)
    found = check_model(settings, Conversation("openai-chat:gpt-4o"))
    assert found.status == "ok"
    assert found.detail.startswith("openai-chat:gpt-4o answers in this conversation, offline in new ones (")


def test_the_check_of_a_conversation_knows_that_it_is_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LRA_EMBEDDING", "minilm")
    settings = load_settings()

    async def remember() -> None:
        memory = Memory(StructuredMemoryStore(settings.database_url))
        await memory.remember("My dog is called Rex")
        await memory.close()
        await memory.store.close()

    asyncio.run(remember())
    told = check_index(settings, Conversation("offline")).fix
    assert told == "They are indexed beside this conversation; search finds them by words."
    assert "lra memory index" in check_index(settings).fix
