from __future__ import annotations

import pytest

from lra.chat.commands import registry
from lra.chat.commands.registry import OF_THE_SHELL, Registry, line_for, message_in, split, unknown
from lra.cli.app import COMMANDS
from lra.errors import UsageError

NAMES = {
    "help", "new", "resume", "sessions", "rename", "fork", "rewind", "undo", "compact", "uncompact", "context", "cost",
    "model", "agents", "memory", "remember", "forget", "why", "tasks", "tools", "expand", "copy", "export", "editor",
    "theme", "keys", "files", "save", "changes", "doctor", "exit", "mcp", "permissions", "skills",
}  # fmt: skip
ONLY_BETWEEN_TURNS = {"changes", "new", "resume", "fork", "rewind", "undo", "compact", "uncompact", "model", "editor"}


def test_every_command_has_help() -> None:
    assert {command.name for command in registry} == NAMES
    for command in registry:
        assert command.help, command.name
        assert not command.help.endswith(".")


def test_which_commands_run_beside_a_turn() -> None:
    assert {command.name for command in registry if not command.during_turn} == ONLY_BETWEEN_TURNS


def test_aliases_and_case() -> None:
    for name in ("exit", "quit", "EXIT"):
        command = registry.get(name)
        assert command is not None
        assert command.name == "exit"
    assert registry.get("nothing") is None


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("hlep", "help"),
        ("sesions", "sessions"),
        ("mem", "memory"),
        ("xyzzy", None),
        ("remeber", "remember"),
        ("foo", None),
        ("nope", None),
    ],
)
def test_the_nearest_name(wrong: str, meant: str | None) -> None:
    assert registry.nearest(wrong) == meant


def test_a_command_of_the_shell_is_named_as_one() -> None:
    assert unknown("logs") == "There is no command /logs in a conversation; `lra logs` in your shell does that."
    assert unknown("foo") == "There is no command /foo. /help lists them all."
    assert {name for name in COMMANDS if registry.get(name) is None} == OF_THE_SHELL


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/help", ("help", "")),
        ("  /rename  My title ", ("rename", "My title")),
        ("/remember two\nlines", ("remember", "two\nlines")),
        ("/?", ("?", "")),
        ("/etc/passwd is a file", None),
        ("/ hello", None),
        ("//help", None),
        ("hello /help", None),
        ("1/2", None),
    ],
)
def test_what_is_a_command(text: str, expected: tuple[str, str] | None) -> None:
    assert split(text) == expected


class _Screen:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str = "", style: str = "plain") -> None:
        self.lines.append(text)


class _Chat:
    def __init__(self) -> None:
        self.screen = _Screen()


async def test_the_docstring_is_the_help() -> None:
    own, ran = Registry(), []

    @own.command("go", "WHERE", aliases=("g",), during_turn=True, completes=("home", "away"))
    async def go(chat: object, args: str) -> None:
        """Go there.

        Shown when
        asked for.
        """
        ran.append(args)

    command = own.get("g")
    assert command is not None
    assert (command.name, command.usage, command.help) == ("go", "WHERE", "Go there")
    assert command.completes == ("home", "away")

    chat = _Chat()
    await command.handler(chat, "?")  # type: ignore[arg-type]
    assert chat.screen.lines == ["/go WHERE", "  Go there.", "  Shown when asked for.", "  Also: /g."]
    assert ran == []
    await command.handler(chat, "home")  # type: ignore[arg-type]
    assert ran == ["home"]


async def test_arguments_nobody_asked_for_are_refused() -> None:
    own = Registry()

    @own.command("stay")
    async def stay(chat: object, args: str) -> None:
        """Stay."""

    command = own.get("stay")
    assert command is not None
    with pytest.raises(UsageError, match=r"^/stay takes no arguments\.$"):
        await command.handler(_Chat(), "here")  # type: ignore[arg-type]
    undo = registry.get("undo")
    assert undo is not None
    with pytest.raises(UsageError) as refused:
        await undo.handler(_Chat(), "2")  # type: ignore[arg-type]
    assert str(refused.value) == "/undo takes no arguments. /rewind N undoes turn N and all after it."


@pytest.mark.parametrize(
    ("line", "message"),
    [("hello", "hello"), ("//help me", "/help me"), ("///x", "//x"), ("/etc/hosts is a file", "/etc/hosts is a file")],
)
def test_a_message_and_the_line_that_stands_for_it(line: str, message: str) -> None:
    assert message_in(line) == message
    assert line_for(message) == line
    assert split(line_for(f"  {message}")) is None
