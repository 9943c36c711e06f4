"""Messages that wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Message:
    """What was entered."""

    text: str
    shown: str = ""
    """How it stands in the prompt, where a long paste is one word; the text itself when empty."""

    @property
    def brief(self) -> str:
        """What to show of it."""
        return self.shown or self.text


class Pending:
    """Messages in the order they were entered; one reader takes them.

    Args:
        on_change: Called when what waits has changed.
    """

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self.messages: list[Message] = []
        """What starts as soon as it can."""
        self.held: list[Message] = []
        """What waits for the person: after a turn was stopped nothing starts by itself."""
        self._place: int | None = None
        """Where the message stood that was taken back to be edited."""
        self._taken_from = self.messages
        self._on_change = on_change
        self._waiter: asyncio.Future[None] | None = None
        self._end: BaseException | None = None

    @property
    def count(self) -> int:
        """How many there are, held ones too."""
        return len(self.messages) + len(self.held)

    @property
    def ready(self) -> bool:
        """Whether a message starts as soon as it is asked for."""
        return bool(self.messages)

    @property
    def editing(self) -> bool:
        """Whether a message was taken back whose place is kept."""
        return self._place is not None

    def put(self, message: Message) -> None:
        """Add a message behind the others, or where the one stood that was taken back; what is held stays so."""
        place, self._place = self._place, None
        if place is None or self._taken_from is self.held:
            place = len(self.messages)
        self.messages.insert(place, message)
        self._changed()

    def take_back(self) -> Message | None:
        """Return the last message, which no longer waits; `put` gives it its place again."""
        self._taken_from = self.messages or self.held
        message = self._taken_from.pop() if self._taken_from else None
        self._place = len(self._taken_from) if message else None
        self._changed()
        return message

    def step(self, message: Message, by: Literal[-1, 1]) -> Message | None:
        """Put a message that was taken back into its place, and take its neighbour instead.

        Args:
            message: The one that was taken back.
            by: -1 takes the one before it, 1 the one behind.

        Returns:
            The neighbour; None where there is none: behind the last one, `message` waits again all the same.
        """
        if self._place is None or self._place + by < 0:
            return None
        place, others = self._place + by, self._taken_from
        others.insert(self._place, message)
        self._place = place if place < len(others) else None
        other = None if self._place is None else others.pop(place)
        self._changed()
        return other

    def let_go(self) -> None:
        """Keep no place for what was taken back: it was given up."""
        self._place = None

    def clear(self) -> list[Message]:
        """Return all messages, which no longer wait."""
        messages = [*self.held, *self.messages]
        self._take([], [])
        return messages

    def hold(self) -> None:
        """Let what waits wait on, until `release`."""
        self._take([], [*self.held, *self.messages])

    def release(self) -> None:
        """Let what is held go on, before what was entered since."""
        self._take([*self.held, *self.messages], [])

    def _take(self, messages: list[Message], held: list[Message]) -> None:
        self.messages, self.held, self._place = messages, held, None
        self._changed()

    def end(self, why: BaseException) -> None:
        """Make the reader raise; what waits stays."""
        self._end = why
        self._changed()

    def _changed(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._on_change()

    async def next(self) -> Message:
        """Wait for a message that may start."""
        while True:
            if self._end is not None and not (isinstance(self._end, EOFError) and self.ready):
                why, self._end = self._end, None
                raise why
            if self.ready:
                message = self.messages.pop(0)
                if self._place and self._taken_from is self.messages:
                    self._place -= 1
                self._on_change()
                return message
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
