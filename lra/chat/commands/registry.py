"""How a slash command is declared and found."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat

Handler = Callable[["Chat", str], Coroutine[Any, Any, None]]

Completes = tuple[str, ...] | Literal["commands", "models", "sessions", "memories"]

_CALL = re.compile(r"/([A-Za-z?][\w-]*)(?:\s+(.*))?", re.DOTALL)
_ALIKE = 0.6
"""How alike two names must be to be taken for each other: a letter or two of a short one, not half of it."""
_DIGITS = 10
OF_THE_SHELL = frozenset(
    {"chat", "config", "create-agent", "create-tool", "export-tools", "init", "inspect-tool", "list-agents"}
    | {"list-memory", "list-tools", "logs", "run", "sandbox", "validate-tool"}
)
"""Commands of the program that no slash command stands for."""


@dataclass(frozen=True, slots=True)
class Command:
    """One slash command."""

    name: str
    usage: str
    """Its arguments as help shows them."""
    help: str
    """The first line of the handler's docstring."""
    handler: Handler
    """Runs it; `?` as the only argument shows the usage instead."""
    aliases: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    """The paragraphs of the docstring after its first line."""
    during_turn: bool = False
    """Whether it may run while an answer is being written."""
    completes: Completes = ()
    """What is offered for its argument: these words, or what the name of a kind stands for."""

    def describe(self) -> list[str]:
        """Return usage and help, line by line; the first line is a title."""
        lines = [f"/{self.name} {self.usage}".rstrip(), f"  {self.help}."]
        lines += [f"  {paragraph}" for paragraph in self.details]
        if self.aliases:
            lines.append("  Also: " + ", ".join(f"/{alias}" for alias in self.aliases) + ".")
        if not self.during_turn:
            lines.append("  Waits until a running answer is finished.")
        return lines


class Registry:
    """The commands, in the order they were declared."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}
        self._aliases: dict[str, str] = {}

    def command(
        self,
        name: str,
        usage: str = "",
        *,
        aliases: tuple[str, ...] = (),
        during_turn: bool = False,
        completes: Completes = (),
        instead: str = "",
    ) -> Callable[[Handler], Handler]:
        """Register the decorated coroutine function; its docstring is the help.

        Args:
            name: The word after the slash.
            usage: Its arguments, for help; without, arguments are refused.
            aliases: Other words for it.
            during_turn: Whether it may run while an answer is being written.
            completes: What is offered for its argument.
            instead: What does what arguments would mean, for a command that takes none.
        """

        def register(handler: Handler) -> Handler:
            first, _, rest = (inspect.getdoc(handler) or "").partition("\n")
            details = tuple(" ".join(part.split()) for part in rest.split("\n\n") if part.strip())
            command = Command(
                name=name,
                usage=usage,
                help=first.rstrip("."),
                handler=self._checked(name, usage, handler, instead),
                aliases=aliases,
                details=details,
                during_turn=during_turn,
                completes=completes,
            )
            self._commands[name] = command
            self._aliases.update(dict.fromkeys(aliases, name))
            return handler

        return register

    def _checked(self, name: str, usage: str, handler: Handler, instead: str) -> Handler:
        @functools.wraps(handler)
        async def checked(chat: Chat, args: str) -> None:
            if args == "?":
                title, *lines = self._commands[name].describe()
                chat.screen.line(title, "title")
                for line in lines:
                    chat.screen.line(line)
            elif args and not usage:
                raise UsageError(f"/{name} takes no arguments.", hint=instead or None)
            else:
                await handler(chat, args)

        return checked

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
        found = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)
        return found[0] if found else None


def unknown(name: str) -> str:
    """Return the sentence about a command that does not exist."""
    if name.lower() in OF_THE_SHELL:
        return f"There is no command /{name} in a conversation; `lra {name.lower()}` in your shell does that."
    near = registry.nearest(name)
    return f"There is no command /{name}{f'; did you mean /{near}?' if near else '.'} /help lists them all."


def split(text: str) -> tuple[str, str] | None:
    """Return name and arguments of a slash command; None for a message, a path among them."""
    match = _CALL.fullmatch(text.strip())
    return (match[1], (match[2] or "").strip()) if match else None


def number_in(text: str) -> int | None:
    """Return the number that stands for something in a list; None for all else, and for more digits than any needs."""
    return int(text) if text.isdecimal() and len(text) < _DIGITS else None


def message_in(line: str) -> str:
    """Return the message that a line stands for: a second slash at its beginning says that it is no command."""
    return line[1:] if line.startswith("//") else line


def line_for(message: str) -> str:
    """Return the line that stands for a message, where it would read as a command by itself."""
    begun = message.lstrip()
    return f"/{begun}" if begun.startswith("//") or split(begun) is not None else message


registry = Registry()


def is_command(text: str) -> bool:
    """Return whether a text calls a command that there is."""
    call = split(text)
    return call is not None and registry.get(call[0]) is not None
