"""A runtime as a backend: one agent, one environment, one session at a time, and what its events ask for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from lra.errors import LraError
from lra.managed.callbacks import confirmed, run_custom
from lra.managed.config import AnyConfig, CustomTool, ManagedConfig, ToolConfirmation
from lra.managed.protocols import ManagedRuntimeProtocol
from lra.managed.wire import WireEvent, text_of, texts
from lra.managed.worker import check_options
from lra.tools.consent import UNATTENDED

_USES = ("agent.tool_use", "agent.mcp_tool_use", "agent.custom_tool_use")
_ENDS = ("session.status_terminated", "session.deleted")


class RuntimeBackend:
    """Answers messages through the events of a runtime.

    Args:
        runtime: The runtime.
        config: The agent and its environment; by default the runtime's own configuration, else one of this name.
        name: What the agent is called, where there is no configuration.
        on_tool_confirmation: Asked about calls that wait for consent; without it they are refused.
        on_custom_tool: Runs the custom tools.
    """

    def __init__(
        self,
        runtime: ManagedRuntimeProtocol,
        *,
        config: AnyConfig = None,
        name: str = "Agent",
        on_tool_confirmation: ToolConfirmation | None = None,
        on_custom_tool: CustomTool | None = None,
    ) -> None:
        self.runtime = runtime
        self.config = config or getattr(runtime, "config", None) or ManagedConfig(name=name, model=None)
        self.agent_id: str | None = None
        self.environment_id: str | None = None
        self.session_id: str | None = None
        self._confirmation = on_tool_confirmation
        self._custom = on_custom_tool

    async def execute(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer: the agent's last message.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            LraError: The turn did not complete.
        """
        return await last_of(self.stream(prompt, **options))

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
        done = False
        async with aclosing(self._events(session_id)) as events:
            async for event in events:
                kind = event["type"]
                if kind == "agent.message":
                    yield text_of(event["content"])
                elif kind == "session.error":
                    error = "" if _retried(event) else _message(event)
                elif kind in {"session.status_idle", *_ENDS}:
                    done = True
                    break
        if not done and not error:
            error = "The runtime stopped telling of the turn before it ended."
        if error:
            raise LraError(error)

    async def _events(self, session_id: str) -> AsyncGenerator[WireEvent, None]:
        """Yield the events of a turn, and do what they wait for."""
        uses: dict[str, WireEvent] = {}
        waits = True
        while waits:
            # A stream may end where it waits for an answer; the rest comes with another one.
            waits = False
            async with aclosing(self.runtime.stream_events(session_id)) as events:  # type: ignore[type-var]
                async for event in events:
                    if event["type"] in _USES:
                        uses[str(event["id"])] = event
                    stop = event.get("stop_reason")
                    if not isinstance(stop, Mapping) or stop.get("type") != "requires_action":
                        yield event
                        continue
                    waits = True
                    for event_id in stop.get("event_ids") or ():
                        # Those that wait still are named again with every answer.
                        if (use := uses.pop(str(event_id), None)) is not None:
                            await self.runtime.send_event(session_id, await self._answer(use))

    async def _answer(self, use: WireEvent) -> WireEvent:
        name, given = str(use.get("name", "")), dict(use.get("input") or {})
        if use["type"] == "agent.custom_tool_use":
            text, failed = "Nothing runs custom tools here.", True
            if self._custom is not None:
                text, failed = await run_custom(self._custom, name, given)
            answer = {"custom_tool_use_id": use["id"], "content": texts(text), "is_error": failed}
            return {"type": "user.custom_tool_result", **answer}
        allowed: bool | str = UNATTENDED
        if self._confirmation is not None:
            call = {"tool_name": name, "input": given, "reason": "The agent asks for consent.", "id": use["id"]}
            allowed = await confirmed(self._confirmation, call)
        confirmation = {"type": "user.tool_confirmation", "tool_use_id": use["id"]}
        if allowed is True:
            return {**confirmation, "result": "allow"}
        why = {"deny_message": allowed} if isinstance(allowed, str) else {}
        return {**confirmation, "result": "deny", **why}

    async def _session(self) -> str:
        runtime = self.runtime
        if self.agent_id is None:
            self.agent_id = await runtime.create_agent(self.config)
        if self.environment_id is None:
            self.environment_id = await runtime.create_environment(self.config)
        if self.session_id is None:
            self.session_id = await runtime.create_session(self.agent_id, self.environment_id)
        return self.session_id

    def reset_session(self) -> None:
        """Begin a new session with the next turn."""
        self.session_id = None

    def reset_all(self) -> None:
        """Begin anew with the next turn."""
        self.agent_id = self.environment_id = self.session_id = None


async def last_of(messages: AsyncGenerator[str, None]) -> str:
    """Return the last of the messages of a turn; empty when there is none.

    Args:
        messages: Those of one turn.
    """
    last = ""
    async with aclosing(messages):
        async for message in messages:
            last = message
    return last


def _retried(event: Mapping[str, Any]) -> bool:
    error = event.get("error")
    status = error.get("retry_status") if isinstance(error, Mapping) else None
    return (status.get("type") if isinstance(status, Mapping) else status) == "retrying"


def _message(event: Mapping[str, Any]) -> str:
    error = event.get("error")
    said = error.get("message") if isinstance(error, Mapping) else error
    return str(said or "The agent failed without saying why.")
