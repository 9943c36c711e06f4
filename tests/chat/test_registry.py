from __future__ import annotations

import pytest

from lra.chat.commands import registry
from lra.chat.commands.registry import Registry, split

NAMES = {
    "help", "new", "resume", "sessions", "memory", "remember", "forget", "tasks", "tools", "model", "cost", "rename",
    "compact", "rewind", "fork", "exit",
}  # fmt: skip


def test_every_command_has_help() -> None:
    assert {command.name for command in registry} == NAMES
    for command in registry:
        assert command.help, command.name
        assert not command.help.endswith(".")


def test_aliases_and_case() -> None:
    for name in ("exit", "quit", "EXIT"):
        command = registry.get(name)
        assert command is not None
        assert command.name == "exit"
    assert registry.get("nothing") is None


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("hlep", "help"), ("sesions", "sessions"), ("mem", "memory"), ("xyzzy", None), ("remeber", "remember")],
)
def test_the_nearest_name(wrong: str, meant: str | None) -> None:
    assert registry.nearest(wrong) == meant


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


async def test_the_docstring_is_the_help() -> None:
    own = Registry()

    @own.command("go", "WHERE", aliases=("g",))
    async def go(chat: object, args: str) -> None:
        """Go there.

        Not shown.
        """

    command = own.get("g")
    assert command is not None
    assert (command.name, command.usage, command.help) == ("go", "WHERE", "Go there")
