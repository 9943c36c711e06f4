"""Messages that wait for their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


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
        self.held = False
        """Whether they wait for the person: after a turn was stopped nothing starts by itself."""
        self._on_change = on_change
        self._waiter: asyncio.Future[None] | None = None
        self._end: BaseException | None = None

    @property
    def ready(self) -> bool:
        """Whether a message starts as soon as it is asked for."""
        return bool(self.messages) and not self.held

    def put(self, message: Message) -> None:
        """Add a message behind the others."""
        self.messages.append(message)
        self._changed()

    def put_first(self, message: Message) -> None:
        """Add a message before the others, which may go on after it."""
        self.messages.insert(0, message)
        self.held = False
        self._changed()

    def take_back(self) -> Message | None:
        """Return the last message, which no longer waits."""
        message = self.messages.pop() if self.messages else None
        self._changed()
        return message

    def clear(self) -> list[Message]:
        """Return all messages, which no longer wait."""
        messages, self.messages, self.held = self.messages, [], False
        self._changed()
        return messages

    def hold(self) -> None:
        """Let what waits wait on, until `release` or a further message."""
        self.held = bool(self.messages)
        self._changed()

    def release(self) -> None:
        """Let what waits go on."""
        self.held = False
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
                self._on_change()
                return message
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
