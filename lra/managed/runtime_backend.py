"""A runtime as the backend of an `Agent`: one agent, one environment, one session at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from lra.errors import LraError
from lra.managed.config import ManagedConfig
from lra.managed.protocols import ManagedRuntimeProtocol
from lra.managed.wire import text_of, texts
from lra.managed.worker import check_options


class RuntimeBackend:
    """Answers messages through the events of a runtime.

    Args:
        runtime: The runtime.
        name: What the agent is called, where the runtime has no configuration of its own.
    """

    def __init__(self, runtime: ManagedRuntimeProtocol, name: str) -> None:
        self.runtime = runtime
        self.agent_id: str | None = None
        self.environment_id: str | None = None
        self.session_id: str | None = None
        self._config = getattr(runtime, "config", None) or ManagedConfig(name=name, model=None)

    async def execute(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer: the agent's last message.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            LraError: The turn did not complete.
        """
        answer = ""
        async with aclosing(self.stream(prompt, **options)) as messages:
            async for message in messages:
                answer = message
        return answer

    async def stream(self, prompt: str, **options: Any) -> AsyncGenerator[str, None]:
        """Run one turn and yield the agent's messages, each as it is finished.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            LraError: The turn did not complete.
        """
        check_options(options)
        session_id, error = await self._session(), ""
        await self.runtime.send_event(session_id, {"type": "user.message", "content": texts(prompt)})
        async with aclosing(self.runtime.stream_events(session_id)) as events:  # type: ignore[type-var]
            async for event in events:
                match event["type"]:
                    case "agent.message":
                        yield text_of(event["content"])
                    case "session.error":
                        error = "" if _retried(event) else _message(event)
                    case "session.status_idle":
                        if (event.get("stop_reason") or {}).get("type") == "requires_action":
                            await self.runtime.interrupt(session_id)
                            raise LraError(
                                "The agent waits for a confirmation or a custom tool, which nobody gives it.",
                                hint="Give the runtime a function for it.",
                            )
                        break
        if error:
            raise LraError(error)

    async def _session(self) -> str:
        runtime = self.runtime
        if self.agent_id is None:
            self.agent_id = await runtime.create_agent(self._config)
        if self.environment_id is None:
            self.environment_id = await runtime.create_environment(self._config)
        if self.session_id is None:
            self.session_id = await runtime.create_session(self.agent_id, self.environment_id)
        return self.session_id

    def reset_session(self) -> None:
        """Begin a new session with the next turn."""
        self.session_id = None

    def reset_all(self) -> None:
        """Begin anew with the next turn."""
        self.agent_id = self.environment_id = self.session_id = None


def _retried(event: Mapping[str, Any]) -> bool:
    error = event.get("error")
    status = error.get("retry_status") if isinstance(error, Mapping) else None
    return (status.get("type") if isinstance(status, Mapping) else status) == "retrying"


def _message(event: Mapping[str, Any]) -> str:
    error = event.get("error")
    said = error.get("message") if isinstance(error, Mapping) else error
    return str(said or "The agent failed without saying why.")
