"""`LocalManagedRuntime`: agents, environments and sessions by their ids, and events between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from lra.errors import UsageError
from lra.managed.channel import Channel
from lra.managed.config import AnyConfig, CustomTool, ToolConfirmation
from lra.managed.filters import read_filters
from lra.managed.host import Host
from lra.managed.session_info import SessionInfo
from lra.managed.shelf import Shelf
from lra.managed.wire import WireEvent, text_of
from lra.managed.worker import Worker, check_message
from lra.store.managed import ManagedSessionRecord
from lra.text import one_line

_ANSWERS = ("user.tool_confirmation", "user.custom_tool_result")
_SENT = ("user.message", "user.interrupt", *_ANSWERS)


class LocalManagedRuntime(Shelf):
    """Runs managed agents on this machine; what it keeps is found again by other processes.

    Custom tools and calls that have to be confirmed wait for an event of the program's, unless it gives functions for
    them.

    Args:
        config: What `create_agent` and `create_environment` take where they are given nothing.
        compute: What environments have tools run in: `docker`, or `local` for a sandbox of this process.
        timeout: Seconds a turn may take; None for no limit.
        on_tool_confirmation: Asked before every call of a tool that is not always allowed.
        on_custom_tool: Runs the custom tools.
        host: What it shares with others of the program; by default nothing.
    """

    def __init__(
        self,
        *,
        config: AnyConfig = None,
        compute: str | None = None,
        timeout: float | None = 300.0,
        on_tool_confirmation: ToolConfirmation | None = None,
        on_custom_tool: CustomTool | None = None,
        host: Host | None = None,
    ) -> None:
        self._owns_host = host is None
        super().__init__(host or Host(), config, compute, (on_tool_confirmation, on_custom_tool))
        self.agent_version: int | None = None
        """The version that new sessions are pinned to; None for the latest."""
        self._timeout = timeout
        self._channels: dict[str, Channel] = {}

    async def create_session(self, agent_id: str, environment_id: str, *, title: str = "") -> str:
        """Begin a session and return its id.

        Args:
            agent_id: Which agent, in the version of `agent_version`.
            environment_id: Where its tools work.
            title: Its title; by default made of the first message.

        Raises:
            NotFoundError: There is no such agent or environment.
            UsageError: One of them is archived.
        """
        return await self._host.call(self._create_session(agent_id, environment_id, title))

    async def _create_session(self, agent_id: str, environment_id: str, title: str) -> str:
        settings, store, _ = await self._host.open()
        agent = await store.managed.agent(agent_id, self.agent_version)
        environment = await store.managed.environment(environment_id)
        for what, archived in (
            (f"agent {agent_id}", agent.archived_at),
            (f"environment {environment_id}", environment.archived_at),
        ):
            if archived is not None:
                raise UsageError(f"The {what} is archived.", hint="Make another one.")
        plan = self._plan(agent)
        record = await store.sessions.create(
            folder=str(settings.folder), agent=plan.slug, origin="managed", title=title
        )
        if title:
            await store.sessions.set_title(record.id, title, by_user=True)
        await store.managed.claim(record.id, agent_id=agent.id, version=agent.version, environment_id=environment.id)
        return record.id

    async def retrieve_session(self, session_id: str) -> dict[str, Any]:
        """Return `id`, `status`, `title` and `usage` of a session; see `SessionInfo`.

        Raises:
            NotFoundError: There is none.
        """

        async def work() -> SessionInfo:
            return self._info(await (await self._store()).session(session_id))

        return (await self._host.call(work())).to_dict()

    def _info(self, session: ManagedSessionRecord) -> SessionInfo:
        channel = self._channels.get(session.id)
        status = "running" if channel is not None and channel.running else "idle"
        if session.archived_at is not None:
            status = "terminated"
        return SessionInfo(id=session.id, status=status, title=session.title, usage=dict(session.usage))

    async def list_sessions(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the sessions, the latest first.

        Args:
            **filters: As of `list_agents`, and `agent_id`.
        """
        agent_id = filters.pop("agent_id", None)
        archived, limit = read_filters(filters)

        async def work() -> list[dict[str, Any]]:
            found = await (await self._store()).sessions(agent_id=agent_id, archived=archived, limit=limit)
            return [{**each.to_dict(), "status": self._info(each).status} for each in found]

        return await self._host.call(work())

    async def archive_session(self, session_id: str) -> None:
        """Close a session for good; it can be read.

        Raises:
            NotFoundError: There is none.
        """

        async def work() -> None:
            await (await self._store()).archive_session(session_id)
            await self._end(session_id)

        await self._host.call(work())

    async def delete_session(self, session_id: str) -> None:
        """Remove a session with what was said in it.

        Raises:
            NotFoundError: There is none.
        """

        async def work() -> None:
            _, store, _ = await self._host.open()
            await store.managed.session(session_id)
            await self._end(session_id)
            await store.sessions.delete(session_id)

        await self._host.call(work())

    async def send_event(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Send an event to a session; messages are answered one after the other.

        Args:
            session_id: Which session.
            event: A `user.message`, `user.interrupt`, `user.tool_confirmation` or `user.custom_tool_result`.

        Raises:
            NotFoundError: There is no such session.
            UsageError: The event makes no sense, or the session is archived.
        """
        given: object = event
        if not isinstance(given, Mapping) or given.get("type") not in _SENT:
            raise UsageError(
                f"{one_line(repr(given), 60)} is no event that can be sent.",
                hint=f"Its type is one of {', '.join(_SENT)}.",
            )
        await self._host.call(self._send(session_id, dict(event)))

    async def _send(self, session_id: str, event: dict[str, Any]) -> None:
        channel = await self._channel(session_id)
        if event["type"] == "user.interrupt":
            channel.interrupt()
        elif event["type"] in _ANSWERS:
            channel.answer(event)
        else:
            text = text_of(event.get("content"))
            check_message(text)
            channel.send(text)

    async def stream_events(self, session_id: str) -> AsyncGenerator[WireEvent, None]:
        """Yield what happens in a session, from what nobody has been told yet to the end of the last turn.

        It waits when nothing was sent yet, and ends with the `session.status_idle` after which nothing comes.
        Each event is given once: of two that listen at a time each has a part.

        Args:
            session_id: Which session.

        Raises:
            NotFoundError: There is no such session.
        """
        channel = await self._host.call(self._channel(session_id))
        last = False
        while not last:
            event, last = await self._host.call(channel.next())
            yield event

    async def interrupt(self, session_id: str) -> None:
        """End what runs in a session; it is kept as far as it went.

        Raises:
            NotFoundError: There is no such session.
        """
        await self._host.call(self._send(session_id, {"type": "user.interrupt"}))

    async def aclose(self) -> None:
        """End what runs, and the sandboxes; sessions stay."""

        async def work() -> None:
            for session_id in list(self._channels):
                await self._end(session_id)

        await self._host.call(work())
        if self._owns_host:
            await asyncio.to_thread(self._host.close)

    async def __aenter__(self) -> Self:
        """Return it; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close it."""
        await self.aclose()

    async def _channel(self, session_id: str) -> Channel:
        store = await self._store()
        session = await store.session(session_id)
        if session.archived_at is not None:
            raise UsageError(f"The session {session_id} is archived.", hint="Begin another one.")
        if session_id not in self._channels:
            agent = await store.agent(session.agent_id, session.agent_version)
            plan = self._plan(agent)
            place = self._place(await store.environment(session.environment_id))
            channel = Channel(session_id)
            confirmation, custom = self._callbacks
            plan = replace(
                plan,
                on_tool_confirmation=confirmation or channel.confirm,
                on_custom_tool=custom or channel.custom_tool,
            )
            channel.worker = Worker(self._host, plan, place, timeout=self._timeout)
            self._channels.setdefault(session_id, channel)
        return self._channels[session_id]

    async def _end(self, session_id: str) -> None:
        channel = self._channels.pop(session_id, None)
        if channel is not None:
            await channel.close()
