"""`AnthropicManagedAgent`: the runtime that Anthropic hosts, through its own client library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lra.errors import UnavailableError
from lra.managed.anthropic_client import as_dict, connect, is_over, listed, session_events, telling
from lra.managed.config import AnyConfig
from lra.managed.filters import read_filters
from lra.managed.hosted_config import agent_params, environment_params, hosted_config
from lra.managed.session_info import SessionInfo
from lra.managed.wire import WireEvent

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_ATTEMPTS = 5
"""How often a stream that broke is opened again without anything new."""


class AnthropicManagedAgent:
    """Runs managed agents at Anthropic's, or at a service with the same interface; needs a key.

    Args:
        config: What `create_agent` and `create_environment` take where they are given nothing.
        api_key: The key; by default that of the settings (`ANTHROPIC_API_KEY`).
        base_url: Where the service is; by default that of the settings (`ANTHROPIC_BASE_URL`), else Anthropic's own.
        timeout: Seconds to wait for an answer of the service, and between two events.

    Raises:
        UsageError: The configuration is wrong, or cannot be had there.
    """

    def __init__(
        self,
        *,
        config: AnyConfig = None,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout: float = 600.0,
    ) -> None:
        self.config = hosted_config(config)
        self.agent_version: int | None = None
        """The version that new sessions are pinned to; None for the latest."""
        self._access = (api_key, base_url)
        self._timeout = timeout
        self._client: AsyncAnthropic | None = None
        self._opening: asyncio.Lock | None = None
        self._unseen: dict[str, str] = {}
        """By session, the first event that was sent since somebody listened."""
        self._heard: set[str] = set()
        """Sessions that somebody listens to."""

    # Agents.

    async def create_agent(self, config: AnyConfig = None) -> str:
        """Make an agent and return its id.

        Args:
            config: What it is.

        Raises:
            LraError: It cannot be made.
        """
        params = agent_params(self._read(config))
        client = await self._connected()
        with telling():
            return (await client.beta.agents.create(**params)).id

    async def update_agent(self, agent_id: str, config: AnyConfig) -> int:
        """Make a new version of an agent and return its number.

        Args:
            agent_id: Which agent.
            config: What it is.

        Raises:
            LraError: It cannot be made.
        """
        params = agent_params(self._read(config))
        client = await self._connected()
        with telling():
            return (await client.beta.agents.update(agent_id, **params)).version

    async def retrieve_agent(self, agent_id: str) -> dict[str, Any]:
        """Return an agent in its latest version.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            return as_dict(await client.beta.agents.retrieve(agent_id))

    async def list_agents(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the agents, the latest first.

        Args:
            **filters: `status`: `active`, the default, `archived` or `all`; `limit`.

        Raises:
            LraError: There is no such filter, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            return await listed(client.beta.agents.list(include_archived=True), *read_filters(filters))

    async def archive_agent(self, agent_id: str) -> None:
        """Take an agent out of use.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            await client.beta.agents.archive(agent_id)

    # Environments.

    async def create_environment(self, config: AnyConfig = None) -> str:
        """Make an environment and return its id.

        Args:
            config: Packages and networking.

        Raises:
            LraError: It cannot be made.
        """
        params = environment_params(self._read(config))
        client = await self._connected()
        with telling():
            return (await client.beta.environments.create(**params)).id

    async def retrieve_environment(self, environment_id: str) -> dict[str, Any]:
        """Return an environment.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            return as_dict(await client.beta.environments.retrieve(environment_id))

    async def list_environments(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the environments, the latest first.

        Args:
            **filters: As of `list_agents`.

        Raises:
            LraError: There is no such filter, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            return await listed(client.beta.environments.list(include_archived=True), *read_filters(filters))

    async def archive_environment(self, environment_id: str) -> None:
        """Take an environment out of use.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            await client.beta.environments.archive(environment_id)

    async def delete_environment(self, environment_id: str) -> None:
        """Remove an environment.

        Raises:
            LraError: There is none, it is in use, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            await client.beta.environments.delete(environment_id)

    # Sessions.

    async def create_session(self, agent_id: str, environment_id: str, *, title: str = "") -> str:
        """Begin a session and return its id.

        Args:
            agent_id: Which agent, in the version of `agent_version`.
            environment_id: Where its tools work.
            title: Its title; by default that of the configuration.

        Raises:
            LraError: It cannot be made.
        """
        client = await self._connected()
        pinned = self.agent_version
        agent: Any = agent_id if pinned is None else {"type": "agent", "id": agent_id, "version": pinned}
        more: dict[str, Any] = {
            "title": title or self.config.session_title,
            "resources": self.config.resources,
            "vault_ids": self.config.vault_ids,
        }
        more = {name: value for name, value in more.items() if value}
        with telling():
            return (await client.beta.sessions.create(agent=agent, environment_id=environment_id, **more)).id

    async def retrieve_session(self, session_id: str) -> dict[str, Any]:
        """Return `id`, `status`, `title` and `usage` of a session; see `SessionInfo`.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            found = await client.beta.sessions.retrieve(session_id)
        usage = {"input_tokens": found.usage.input_tokens or 0, "output_tokens": found.usage.output_tokens or 0}
        return SessionInfo(id=found.id, status=found.status, title=found.title or "", usage=usage).to_dict()

    async def list_sessions(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the sessions, the latest first.

        Args:
            **filters: As of `list_agents`, and `agent_id`.

        Raises:
            LraError: There is no such filter, or the service cannot be reached.
        """
        agent_id = filters.pop("agent_id", None)
        archived, limit = read_filters(filters)
        client = await self._connected()
        by_agent = {} if agent_id is None else {"agent_id": agent_id}
        with telling():
            return await listed(client.beta.sessions.list(include_archived=True, **by_agent), archived, limit)

    async def archive_session(self, session_id: str) -> None:
        """Close a session for good; it can be read.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            await client.beta.sessions.archive(session_id)

    async def delete_session(self, session_id: str) -> None:
        """Remove a session.

        Raises:
            LraError: There is none, or the service cannot be reached.
        """
        client = await self._connected()
        with telling():
            await client.beta.sessions.delete(session_id)

    # Events.

    async def send_event(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Send an event to a session.

        Args:
            session_id: Which session.
            event: Such as `{"type": "user.message", "content": [{"type": "text", "text": …}]}`.

        Raises:
            LraError: The event makes no sense, or the service cannot be reached.
        """
        client = await self._connected()
        params: Any = dict(event)
        with telling():
            sent = await client.beta.sessions.events.send(session_id, events=[params])
        if session_id not in self._heard and sent.data:
            self._unseen.setdefault(session_id, str(sent.data[0].id))

    async def stream_events(self, session_id: str) -> AsyncGenerator[WireEvent, None]:
        """Yield what happens in a session, from the first event that was sent since somebody listened.

        It waits when nothing was sent yet, and ends with the `session.status_idle` of a turn that is over. A connection
        that breaks is opened again, and nothing is told twice.

        Args:
            session_id: Which session.

        Raises:
            LraError: There is no such session, or the service cannot be reached.
        """
        client = await self._connected()
        since, seen = self._unseen.pop(session_id, None), set[str]()
        attempts = 0
        self._heard.add(session_id)
        try:
            while attempts < _ATTEMPTS:
                attempts += 1
                async with aclosing(session_events(client, session_id, since, seen)) as events:
                    async for event in events:
                        attempts, since = 0, str(event.get("id") or since or "") or None
                        if over := is_over(event):
                            # Whoever leaves at an idle sends the next message before this has ended.
                            self._heard.discard(session_id)
                        yield event
                        if over:
                            return
                await asyncio.sleep(min(0.5 * attempts, 2.0))
            raise UnavailableError("The service ends every stream of the session before its turn has ended.")
        finally:
            self._heard.discard(session_id)

    async def interrupt(self, session_id: str) -> None:
        """End what runs in a session.

        Raises:
            LraError: There is no such session, or the service cannot be reached.
        """
        await self.send_event(session_id, {"type": "user.interrupt"})

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def __aenter__(self) -> Self:
        """Return it; leaving the block closes it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close it."""
        await self.aclose()

    def _read(self, config: AnyConfig) -> Any:
        return self.config if config is None else hosted_config(config)

    async def _connected(self) -> AsyncAnthropic:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(connect, *self._access, self._timeout)
            return self._client
