"""What a backend of one's own has to be able to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class ManagedBackendProtocol(Protocol):
    """Answers the messages of an `Agent`, wherever it does so."""

    async def execute(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer."""
        ...

    def stream(self, prompt: str, **options: Any) -> AsyncIterator[str]:
        """Run one turn and yield the answer as it comes."""
        ...

    def reset_session(self) -> None:
        """Begin a new session with the next turn."""
        ...

    def reset_all(self) -> None:
        """Begin anew with the next turn, the agent included."""
        ...


@runtime_checkable
class ManagedRuntimeProtocol(Protocol):
    """Runs agents in environments: the whole loop is its own, and events are what comes of it."""

    async def create_agent(self, config: Any) -> str:
        """Keep an agent and return its id."""
        ...

    async def create_environment(self, config: Any) -> str:
        """Keep an environment and return its id."""
        ...

    async def create_session(self, agent_id: str, environment_id: str) -> str:
        """Begin a session and return its id."""
        ...

    async def send_event(self, session_id: str, event: dict[str, Any]) -> None:
        """Send an event, such as `{"type": "user.message", "content": [{"type": "text", "text": …}]}`."""
        ...

    def stream_events(self, session_id: str) -> AsyncIterator[dict[str, Any]]:
        """Yield what happens, from `agent.message` to `session.status_idle`."""
        ...

    async def interrupt(self, session_id: str) -> None:
        """End what runs in a session."""
        ...

    async def retrieve_session(self, session_id: str) -> dict[str, Any]:
        """Return `id`, `status`, `title` and `usage` of a session."""
        ...

    async def list_sessions(self, **filters: Any) -> list[dict[str, Any]]:
        """Return the sessions."""
        ...

    async def archive_session(self, session_id: str) -> None:
        """Close a session for good; it can be read."""
        ...

    async def delete_session(self, session_id: str) -> None:
        """Remove a session with what was said in it."""
        ...
