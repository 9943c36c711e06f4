"""Opening sessions on the scripted provider, running turns, and reading what the journal holds."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest
from pydantic_ai import FunctionToolset

from lra.config import load_settings
from lra.events import Event, TextDelta, TurnFinished
from lra.runtime import Runtime
from lra.session import Session
from lra.store import JournalRow
from lra.tools.deps import AgentDeps
from tests.support.fixtures import Api, Serving, env_for
from tests.support.model_server import Message, ModelServer

ROOT = Path(__file__).parents[2]
MODELS: dict[Api, str] = {
    "openai-chat": "openai-chat:gpt-4o-mini",
    # With a base URL, `openai:` alone means chat completions.
    "openai": "openai-responses:gpt-5-mini",
    "anthropic": "anthropic:claude-sonnet-5-5",
}
every_api = pytest.mark.parametrize("api", list(MODELS))

E = TypeVar("E", bound=Event)


class Desk:
    """Opens runtimes and sessions on one scripted provider, and closes them all at the end."""

    def __init__(self, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._monkeypatch = monkeypatch
        self._runtimes: list[Runtime] = []
        self._sessions: list[Session] = []
        for api in MODELS:
            self.setenv(**env_for(server, api))

    def setenv(self, **values: str) -> None:
        """Set environment variables for what is opened from now on."""
        for name, value in values.items():
            self._monkeypatch.setenv(name, value)

    async def runtime(self, folder: Path | None = None) -> Runtime:
        """A runtime of its own, as another process would have."""
        runtime = await Runtime.open(await asyncio.to_thread(load_settings, folder))
        self._runtimes.append(runtime)
        return runtime

    async def session(self, api: Api = "openai-chat", runtime: Runtime | None = None, **options: Any) -> Session:
        """An open session."""
        session = await Session.open(runtime or await self.runtime(), **{"model": MODELS[api], **options})
        self._sessions.append(session)
        return session

    async def close(self, session: Session) -> None:
        """Close one session and its runtime, as when a process ends in order."""
        if session in self._sessions:
            self._sessions.remove(session)
        await session.close(summarize=False)
        if session.runtime in self._runtimes:
            self._runtimes.remove(session.runtime)
        await session.runtime.close()

    async def close_all(self) -> None:
        """Close everything that is still open."""
        for session in self._sessions:
            await session.close(summarize=False)
        for runtime in self._runtimes:
            await runtime.close()


def add_tools(session: Session, *tools: Callable[..., Any]) -> None:
    """Offer more tools in a session."""
    session._equipment.toolsets.append(FunctionToolset[AgentDeps](list(tools)))
    session._agent = session._build_agent()


async def take(session: Session, text: str, on_event: Callable[[Event], None] | None = None) -> list[Event]:
    """Run one turn and return its events; `on_event` sees each as it comes."""
    events: list[Event] = []
    async with aclosing(session.send(text)) as stream:
        async for event in stream:
            events.append(event)
            if on_event:
                on_event(event)
    check_order(events)
    return events


def check_order(events: Sequence[Event]) -> None:
    """The events of a whole turn are numbered without gaps, and the last one closes it."""
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[0].type == "turn_started"
    assert [index for index, event in enumerate(events) if event.type == "turn_finished"] == [len(events) - 1]
    assert len({(event.session_id, event.turn_id) for event in events}) == 1


def of(events: Sequence[Event], kind: type[E]) -> list[E]:
    """The events of one type."""
    return [event for event in events if isinstance(event, kind)]


def end(events: Sequence[Event]) -> TurnFinished:
    """The event that closes the turn."""
    last = events[-1]
    assert isinstance(last, TurnFinished)
    return last


def shown(events: Sequence[Event]) -> str:
    """All text that was streamed."""
    return "".join(event.text for event in of(events, TextDelta))


async def rows(session: Session, turn_id: int | None = None) -> list[JournalRow]:
    """The journal of a session, or of one turn in it."""
    return await session.runtime.store.journal.rows(session.id, turn_id=turn_id)


async def spoken(session: Session) -> list[tuple[str, str]]:
    """Role and text of everything in the journal."""
    return [(row.role, row.content) for row in await rows(session)]


def roles(messages: Sequence[Message]) -> list[str]:
    """The roles of a request's messages, without the instructions."""
    return [message.role for message in messages if message.role != "system"]


def words(server: ModelServer) -> list[tuple[str, str]]:
    """Role and text of the last request, without the instructions."""
    return [(message.role, message.text) for message in server.last_messages() if message.role != "system"]


async def check_calls_closed(session: Session) -> None:
    """Every tool call in the journal has exactly one result."""
    asked: list[str] = []
    answered: list[str] = []
    for row in await rows(session):
        for part in json.loads(row.payload or "{}").get("parts", ()):
            if part["part_kind"] == "tool-call":
                asked.append(part["tool_call_id"])
            elif part["part_kind"] == "tool-return":
                answered.append(part["tool_call_id"])
    assert sorted(answered) == sorted(asked), await spoken(session)


class Child:
    """`tests.session.driver` in a process of its own.

    Args:
        server: The provider it talks to.
        api: The wire format it uses.
        options: Arguments of the driver.
    """

    def __init__(self, server: Serving, api: Api, *options: str) -> None:
        env = {**os.environ, **env_for(server, api), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        self.lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.session.driver", "--model", MODELS[api], *options],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def until(self, kind: str) -> dict[str, Any]:
        """Read to the next line of this type; fails when the process ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(json.loads(line))
            if self.lines[-1]["type"] == kind:
                return self.lines[-1]
        raise AssertionError(f"the process ended without {kind}; it said {self.lines}")

    def rest(self) -> list[dict[str, Any]]:
        """Read everything until the process has ended, and return all lines."""
        assert self.process.stdout is not None
        self.lines += [json.loads(line) for line in self.process.stdout if line.endswith("\n")]
        self.process.wait()
        return self.lines

    def kill(self) -> list[dict[str, Any]]:
        """End the process with SIGKILL and return what it had said."""
        self.process.kill()
        return self.rest()

    def __enter__(self) -> Self:
        """Return the running process."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the process if it still runs."""
        self.process.kill()
        self.process.communicate()
