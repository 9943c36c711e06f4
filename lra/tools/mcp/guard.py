"""What keeps a server that sends too much, or nonsense, from costing more than its own tools."""

from __future__ import annotations

import asyncio
import time

import mcp_types as types
from anyio.streams.memory import MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

MOST_BYTES = 8_000_000
"""Of one message."""
_BURST = 5_000.0
_A_SECOND = 200.0
"""Messages a server may send in one go, and as many more with every second."""
_HEARD = {"notifications/tools/list_changed", "notifications/progress", "notifications/cancelled"}


class Lifeline:
    """The end of a connection, and why it came."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.why = ""

    def end(self, why: str) -> None:
        """Note the end; the first reason stays."""
        if not self.ended.is_set():
            self.why = why
            self.ended.set()


class Guard:
    """Lets a server's messages through, as long as they are not too many.

    Args:
        lifeline: Is ended when there are.
    """

    def __init__(self, lifeline: Lifeline) -> None:
        self._lifeline = lifeline
        self._left = _BURST
        self._since = time.monotonic()
        self.noise = 0
        """Lines that were no messages."""

    async def pass_on(self, line: bytes, to: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        """Give one line of a server's output to the session, if it is a message that somebody waits for.

        Args:
            line: One line.
            to: Where the session reads.
        """
        if not line.strip():
            return
        try:
            message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
        except (ValidationError, ValueError):
            # Many a program prints a greeting; it is no reason to part.
            self.noise += 1
            self.count()
            return
        if self.wanted(message):
            await to.send(SessionMessage(message))

    def wanted(self, message: object) -> bool:
        """Count a message; tell whether it is for the session."""
        self.count()
        return not isinstance(message, types.JSONRPCNotification) or message.method in _HEARD

    def count(self) -> None:
        """Count one message, and end the connection when there were too many."""
        now = time.monotonic()
        self._left = min(_BURST, self._left + (now - self._since) * _A_SECOND) - 1
        self._since = now
        if self._left < 0:
            self._lifeline.end("it sent thousands of messages nobody asked for")
