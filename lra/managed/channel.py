"""One session of a runtime at work: what was sent to it, what comes of it, and what it waits for."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

from lra.errors import LraError, UsageError
from lra.events import ApprovalRequested, Event
from lra.managed.wire import Translator, WireEvent, failed, idle, text_of, wire
from lra.managed.worker import Worker

logger = logging.getLogger("lra.managed")

_MOST_KEPT = 10_000
"""Events kept for whoever has not looked yet."""


class Channel:
    """Runs the messages of one session in their order; in the host's thread alone.

    Args:
        session_id: The session.
    """

    def __init__(self, session_id: str) -> None:
        self.worker: Worker
        self._session_id = session_id
        self._messages: deque[str] = deque()
        self._working: asyncio.Task[None] | None = None
        self._kept: deque[WireEvent] = deque(maxlen=_MOST_KEPT)
        self._fresh = asyncio.Event()
        self._answering = False
        self._questions: dict[str, asyncio.Event] = {}
        self._waiting: dict[str, tuple[str, asyncio.Future[Any]]] = {}

    @property
    def running(self) -> bool:
        """Whether a message is being answered, or waits to be."""
        return self._answering or bool(self._messages)

    def send(self, text: str) -> None:
        """Take a message; it is answered after those before it."""
        self._messages.append(text)
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._messages:
                await self._answer(self._messages.popleft())
        finally:
            self._working = None

    async def _answer(self, text: str) -> None:
        translator, self._answering = Translator(self.worker.plan), True

        last: list[WireEvent] = []

        def emit(event: Event) -> None:
            for each in translator.take(event):
                # The session is free for others when it is told to be.
                (last if _stopped(each) else self._kept).append(each)
            self._fresh.set()
            if isinstance(event, ApprovalRequested):
                self._question(event.call_id).set()

        try:
            await self.worker.turn(self._session_id, text, emit)
        except LraError as error:
            last = list(failed(str(error)))
        except Exception as error:
            # Whoever listens would wait for ever.
            logger.exception("a turn failed")
            last = list(failed(f"The turn failed ({type(error).__name__})."))
        self._answering = False
        self._questions.clear()
        self._tell(last)

    def _question(self, call_id: str) -> asyncio.Event:
        """Return what is set once listeners know of a call that is asked about."""
        return self._questions.setdefault(call_id, asyncio.Event())

    def _tell(self, events: Iterable[WireEvent]) -> None:
        self._kept.extend(events)
        self._fresh.set()

    async def next(self) -> tuple[WireEvent, bool]:
        """Return the next event that nobody has been given, and whether nothing comes after it; waits for one."""
        while not self._kept:
            self._fresh.clear()
            await self._fresh.wait()
        event = self._kept.popleft()
        return event, _stopped(event) and not (self._kept or self._messages or self._answering)

    def interrupt(self) -> None:
        """End what runs; messages that wait are answered."""
        self._let_go()
        self.worker.interrupt()

    def _let_go(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for _, future in waiting.values():
            future.set_exception(LraError("It was stopped."))

    async def custom_tool(self, name: str, given: dict[str, Any]) -> Any:
        """Have a custom tool run by whoever listens, and return its result."""
        event = wire("agent.custom_tool_use", name=name, input=given)
        self._tell([event])
        content, is_error = await self._wait(event["id"], "user.custom_tool_result")
        if is_error:
            raise LraError(content or "It failed.")
        return content

    async def confirm(self, call: dict[str, Any]) -> bool | str:
        """Have a call confirmed by whoever listens."""
        await self._question(call["id"]).wait()
        allowed, message = await self._wait(call["id"], "user.tool_confirmation")
        return True if allowed else message or False

    async def _wait(self, event_id: str, answer: str) -> tuple[Any, Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[event_id] = (answer, future)
        self._tell([idle("requires_action", event_ids=[event_id])])
        try:
            found: tuple[Any, Any] = await future
        finally:
            self._waiting.pop(event_id, None)
        self._tell([wire("session.status_running")])
        return found

    def answer(self, event: dict[str, Any]) -> None:
        """Take an answer to what is waited for.

        Args:
            event: A `user.tool_confirmation` or a `user.custom_tool_result`.

        Raises:
            UsageError: Nothing waits for it, or it says neither yes nor no.
        """
        kind = str(event["type"])
        name = "tool_use_id" if kind == "user.tool_confirmation" else "custom_tool_use_id"
        wanted, future = self._waiting.get(str(event.get(name)), ("", None))
        if future is None or wanted != kind or future.done():
            raise UsageError(f"Nothing waits for a {kind} with {name} {event.get(name)!r}.")
        if kind == "user.custom_tool_result":
            future.set_result((text_of(event.get("content") or ""), event.get("is_error") is True))
            return
        if event.get("result") not in {"allow", "deny"}:
            raise UsageError("The result of a user.tool_confirmation is 'allow' or 'deny'.")
        future.set_result((event["result"] == "allow", str(event.get("deny_message") or "")))

    async def close(self) -> None:
        """End what runs, and the sandbox."""
        self._messages.clear()
        self.interrupt()
        if self._working is not None:
            await asyncio.wait([self._working])
        await self.worker.end_box(self._session_id)
        await self.worker.close()


def _stopped(event: WireEvent) -> bool:
    return bool(event["type"] == "session.status_idle" and event["stop_reason"]["type"] != "requires_action")
