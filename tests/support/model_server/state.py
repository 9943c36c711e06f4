"""What the server knows: the script, the requests it got, and the gate that holds streams."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .script import Handler, Line, Step
from .wire import Message


@dataclass
class RecordedRequest:
    """One model request as it arrived, and what became of it.

    Attributes:
        path: The path it was sent to.
        headers: Its headers, names in lower case.
        body: Its parsed JSON.
        messages: Its history in the common form.
        status: The HTTP status it was answered with; 0 while there is none.
        chunks: Chunks of the answer sent so far.
        done: Whether the answer was sent to its end.
        client_gone: Whether the client closed the connection before that.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    messages: list[Message] = field(default_factory=list)
    status: int = 0
    chunks: int = 0
    done: bool = False
    client_gone: bool = False

    @property
    def tools(self) -> list[str]:
        """The names of the tools that were offered."""
        offered = self.body.get("tools") or ()
        return [str((item.get("function") or item).get("name") or item.get("type")) for item in offered]


class ScriptExhausted(Exception):
    """A request came for which the script has no step."""

    def __init__(self) -> None:
        super().__init__("the script has no step left")


class Script:
    """Steps taken one per request, then the default."""

    def __init__(self, steps: Iterable[Line] = (), default: Line | None = None) -> None:
        self._lock = threading.Lock()
        self._lines = list(steps)
        self.default = default

    def extend(self, lines: Iterable[Line]) -> None:
        """Append steps."""
        with self._lock:
            self._lines.extend(lines)

    def replace(self, lines: Iterable[Line], default: Line | None) -> None:
        """Start over with other steps."""
        with self._lock:
            self._lines, self.default = list(lines), default

    @property
    def left(self) -> int:
        """How many steps have not been taken."""
        return len(self._lines)

    def take(self, body: dict[str, Any], text: str) -> Step:
        """The next step meant for this request, whose raw JSON is `text`.

        Raises:
            ScriptExhausted: When there is none and no default either.
        """
        with self._lock:
            line: Line | None = self.default
            for index, candidate in enumerate(self._lines):
                if not isinstance(candidate, Step) or candidate.when is None or candidate.when in text:
                    line = self._lines.pop(index)
                    break
        if line is None:
            raise ScriptExhausted
        if isinstance(line, Step):
            return line
        handler: Handler = line
        return handler(body)


class Gate:
    """Where streams wait. Each permit lets one stream pass, whether it waits already or is still to come."""

    def __init__(self) -> None:
        self._permits = asyncio.Semaphore(0)
        self._changed = threading.Condition()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many streams are held now."""
        return self._waiting

    async def wait(self) -> None:
        """Wait for a permit; to be called in the server's event loop."""
        self._count(1)
        try:
            await self._permits.acquire()
        finally:
            self._count(-1)

    def open(self, count: int = 1) -> None:
        """Hand out permits; to be called in the server's event loop."""
        for _ in range(count):
            self._permits.release()

    def wait_held(self, count: int, timeout: float) -> bool:
        """Block until that many streams are held; to be called outside the server's event loop."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting >= count, timeout)

    def _count(self, change: int) -> None:
        with self._changed:
            self._waiting += change
            self._changed.notify_all()


class State:
    """Everything one server keeps."""

    def __init__(self, steps: Iterable[Line] = (), default: Line | None = None) -> None:
        self.name = secrets.token_hex(4)
        self.script = Script(steps, default)
        self.gate = Gate()
        self.requests: list[RecordedRequest] = []
        self.complaints: list[str] = []
