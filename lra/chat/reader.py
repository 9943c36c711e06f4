"""What every way of reading lines offers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from lra.chat.queue import Message


class Reopened(Exception):
    """The prompt was taken away to show or ask something; what stood in it comes back.

    Args:
        text: What was typed so far.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(text)


class Reader(Protocol):
    """A source of lines: the prompt, a plain terminal, or a pipe."""

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        ...

    @property
    def completed(self) -> Collection[str]:
        """The `@words` that were offered while typing."""
        ...

    async def next(self, default: str = "") -> Message:
        """Return the next message, with its lines as typed.

        Args:
            default: What to begin with, for the person to change.

        Raises:
            EOFError: There is no more.
            KeyboardInterrupt: The line was given up.
            Reopened: `reopen` was called.
        """
        ...

    async def ask(self, question: str, *, fresh: bool = False, default: str = "") -> str:
        """Ask for one short answer, which history does not keep; empty when there is none.

        Args:
            question: What to show before the answer.
            fresh: Keys typed before the question do not answer it.
            default: What the answer begins with, for the person to change.

        Raises:
            KeyboardInterrupt: Ctrl-C was the answer.
        """
        ...

    @property
    def commanding(self) -> bool:
        """Whether a command is being typed, which nothing that comes back to the prompt disturbs."""
        ...

    def reopen(self) -> None:
        """Make a waiting `next` raise `Reopened`."""
        ...

    def give_up(self) -> None:
        """Make a waiting `next` raise KeyboardInterrupt."""
        ...

    def leave(self) -> None:
        """Make a waiting `next` raise EOFError."""
        ...

    async def above(self, show: Callable[[], None]) -> None:
        """Let `show` write lines while `next` may be waiting."""
        ...

    async def close(self) -> None:
        """Take the prompt away for good."""
        ...

    def set_keys(self, mode: str) -> None:
        """Edit with `vi` or `emacs` keys, where editing is not the terminal's own."""
        ...

    @property
    def watched(self) -> bool:
        """Whether the person is known to be looking."""
        ...
