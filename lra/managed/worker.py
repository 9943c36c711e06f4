"""Running the turns of managed sessions, by the same loop as every other session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from lra.agent.models import normalise
from lra.errors import BudgetError, BusyError, ConfigError, InterruptedTurnError, LraError, UsageError
from lra.events import Event, TurnFinished
from lra.managed.boxes import Boxes
from lra.managed.definition import define
from lra.managed.host import Host
from lra.managed.models import with_access
from lra.managed.own_tools import approver
from lra.managed.plan import Place, Plan
from lra.managed.selection import MEMORY
from lra.runtime import Runtime
from lra.session import Session
from lra.session.library import error_of
from lra.store import SessionRecord
from lra.text import clean_text, one_line
from sandbox.client import Client

Emit = Callable[[Event], None]

_Look = tuple[int, int, str | None]

_PATIENCE = 5.0
"""Seconds to wait for a turn that somebody else runs in the session."""
_LOOK = 0.1


class Worker:
    """Runs turns of an agent in an environment, one after the other; in the host's thread alone.

    Args:
        host: Where it works.
        plan: The agent.
        place: The environment.
        timeout: Seconds a turn may take.
        access: Key and address for the model, where they are not the settings'.
    """

    def __init__(
        self,
        host: Host,
        plan: Plan,
        place: Place,
        *,
        timeout: float | None = None,
        access: tuple[str | None, str | None] = (None, None),
    ) -> None:
        self.plan = plan
        self.place = place
        self._host = host
        self._timeout = timeout
        self._access = access
        self._turns = asyncio.Lock()
        self._parts: tuple[Runtime, Boxes] | None = None
        self._session: Session | None = None
        self._kept: dict[str, tuple[Session, _Look]] = {}
        """Open sessions, and what they looked like after their last turn here."""
        self._waiting: set[str] = set()
        self._stopped = False

    def running(self, session_id: str) -> bool:
        """Whether a turn of a session runs or waits."""
        return session_id in self._waiting

    async def turn(self, session_id: str, prompt: str, emit: Emit) -> TurnFinished:
        """Run one turn; turns that come meanwhile wait for it.

        Args:
            session_id: The conversation.
            prompt: The message.
            emit: Told every event.

        Returns:
            The last event, whatever the outcome.

        Raises:
            LraError: The turn cannot begin.
        """
        async with self._turns:
            self._waiting.add(session_id)
            self._stopped = False
            try:
                session = self._session = await self._open(session_id)
                try:
                    return await self._send(session, prompt, emit)
                finally:
                    self._session = None
                    await asyncio.shield(self._rest(session))
            finally:
                self._waiting.discard(session_id)

    async def _open(self, session_id: str) -> Session:
        """Return the session, opened when it is not, or when somebody else has written to it since."""
        runtime, boxes = await self._ready()
        await boxes.prepare()
        await self._others(runtime, session_id)
        kept = self._kept.get(session_id)
        if kept is not None:
            session, look = kept
            if look == _look(await runtime.store.sessions.get(session_id)):
                return session
            await self._close(session_id)
        definition = define(self.plan, self.place, runtime.settings, await boxes.bench(session_id))
        return await Session.open(
            runtime,
            session_id=session_id,
            agent=definition,
            model=self.plan.model,
            origin="managed",
            use_memory=not self.plan.selection.names.isdisjoint(MEMORY),
            approver=approver(self.plan, runtime.settings),
        )

    async def _rest(self, session: Session) -> None:
        """Let others write to a session until its next turn here."""
        await session.rest()
        self._kept[session.id] = session, _look(await session.runtime.store.sessions.get(session.id))

    async def _close(self, session_id: str) -> None:
        session, _ = self._kept.pop(session_id)
        await session.close(summarize=False)

    async def _others(self, runtime: Runtime, session_id: str) -> None:
        """Wait for a turn that somebody else runs in the session, for a while."""
        for _ in range(int(_PATIENCE / _LOOK)):
            if await runtime.store.sessions.holder(session_id) is None:
                return
            await asyncio.sleep(_LOOK)
        raise BusyError(
            f"The session {session_id} is in use by another program, or another part of this one.",
            hint="Try again when its turn has ended.",
        )

    async def _send(self, session: Session, prompt: str, emit: Emit) -> TurnFinished:
        finished: TurnFinished | None = None
        if self._stopped:
            raise InterruptedTurnError("The turn was stopped before it began.")
        try:
            async with asyncio.timeout(self._timeout), aclosing(session.send(prompt)) as events:
                async for event in events:
                    emit(event)
                    if isinstance(event, TurnFinished):
                        finished = event
        except TimeoutError:
            raise BudgetError(
                f"The turn took longer than {self._timeout:g} s and was stopped.", hint="Give a longer timeout."
            ) from None
        assert finished is not None
        return finished

    async def _ready(self) -> tuple[Runtime, Boxes]:
        if self._parts is None:
            settings, store, memory = await self._host.open()
            settings = replace(settings, max_requests=self.plan.max_turns)
            model = self.plan.model
            with suppress(ConfigError):
                # What is no name of a model is told when the session is opened.
                model = None if model is None else normalise(model, settings)
            runtime = Runtime(with_access(settings, model, *self._access), store, memory)
            boxes = Boxes(self.place, settings)
            runtime.workshop = boxes.compute
            self._parts = runtime, boxes
        return self._parts

    async def box(self, session_id: str) -> tuple[Client, str]:
        """Return a session's sandbox, made on first use.

        Raises:
            LraError: There is none and none can be made.
        """
        _, boxes = await self._ready()
        return await boxes.box(session_id)

    async def end_box(self, session_id: str) -> None:
        """End a session's sandbox; nothing happens when there is none."""
        if self._parts is not None:
            await self._parts[1].end(session_id)

    def interrupt(self) -> None:
        """End the turn that runs."""
        self._stopped = True
        if self._session is not None:
            self._session.cancel()

    async def close(self) -> None:
        """End what runs, and the sandboxes."""
        self.interrupt()
        async with self._turns:
            for session_id in list(self._kept):
                with suppress(LraError):
                    await self._close(session_id)
            if self._parts is not None:
                await self._parts[1].close()
            self._parts = None


def _look(record: SessionRecord) -> _Look:
    return record.updated_at, record.turns, record.compaction


def check_message(message: object) -> None:
    """Refuse what is no message.

    Raises:
        UsageError: It is empty, or no text.
    """
    if not isinstance(message, str):
        raise UsageError(f"A message is a text, not {one_line(repr(message), 40)}.")
    if not clean_text(message).strip():
        raise UsageError("The message is empty.")


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of a turn, of which there are none.

    Raises:
        UsageError: There is one.
    """
    if options:
        raise UsageError(f"A turn has no option {next(iter(options))!r}.", hint="Put it into the configuration.")


def output_of(finished: TurnFinished) -> str:
    """Return a turn's answer.

    Raises:
        LraError: It did not complete.
    """
    if finished.outcome != "completed":
        raise error_of(finished)
    return finished.output
