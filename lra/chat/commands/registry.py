"""How a slash command is declared and found."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.chat.app import Chat

Handler = Callable[["Chat", str], Coroutine[Any, Any, None]]

_CALL = re.compile(r"/([A-Za-z?][\w-]*)(?:\s+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command."""

    name: str
    usage: str
    """Its arguments as help shows them."""
    help: str
    """The first line of the handler's docstring."""
    handler: Handler
    aliases: tuple[str, ...] = ()


class Registry:
    """The commands, in the order they were declared."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}
        self._aliases: dict[str, str] = {}

    def command(self, name: str, usage: str = "", *, aliases: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
        """Register the decorated coroutine function; its docstring is the help.

        Args:
            name: The word after the slash.
            usage: Its arguments, for help.
            aliases: Other words for it.
        """

        def register(handler: Handler) -> Handler:
            text = (inspect.getdoc(handler) or "").partition("\n")[0].rstrip(".")
            self._commands[name] = Command(name, usage, text, handler, aliases)
            self._aliases.update(dict.fromkeys(aliases, name))
            return handler

        return register

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def get(self, name: str) -> Command | None:
        """Return the command with this name or alias."""
        name = name.lower()
        return self._commands.get(self._aliases.get(name, name))

    def nearest(self, name: str) -> str | None:
        """Return the name that was probably meant."""
        name = name.lower()
        names = [*self._commands, *self._aliases]
        if begun := [known for known in names if known.startswith(name)]:
            return begun[0]
        found = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        return found[0] if found else None


def unknown(name: str) -> str:
    """Return the sentence about a command that does not exist."""
    near = registry.nearest(name)
    return f"There is no command /{name}{f'; did you mean /{near}?' if near else '.'} /help lists them all."


def split(text: str) -> tuple[str, str] | None:
    """Return name and arguments of a slash command; None for a message, a path among them."""
    match = _CALL.fullmatch(text.strip())
    return (match[1], (match[2] or "").strip()) if match else None


registry = Registry()
