"""`HostedManagedAgent`: a runtime somewhere else behind the same object that an agent on this machine is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, Self

from lra.errors import BudgetError, LraError, UsageError
from lra.managed.anthropic_runtime import AnthropicManagedAgent
from lra.managed.config import AnyConfig, CustomTool, ToolConfirmation
from lra.managed.host import Host, T
from lra.managed.identity import IDS
from lra.managed.runtime_backend import RuntimeBackend, last_of
from lra.managed.session_info import SessionInfo
from lra.managed.worker import check_message, check_options
from lra.text import one_line


class HostedManagedAgent:
    """A managed agent that Anthropic hosts; its model, its tools and its sessions are there.

    Methods that are not `async` wait, also where an event loop runs; everything may be called from any thread.

    Args:
        provider: `anthropic`.
        config: What it is.
        timeout: Seconds a turn may take; None for no limit.
        on_tool_confirmation: Asked about calls that wait for consent; without it they are refused.
        on_custom_tool: Runs the custom tools.
        api_key: The key; by default that of the settings.
        api_base: Where the service is; by default that of the settings.

    Raises:
        UsageError: The configuration is wrong, or cannot be had there.
    """

    def __init__(
        self,
        provider: str = "anthropic",
        *,
        config: AnyConfig = None,
        timeout: float | None = 600.0,
        on_tool_confirmation: ToolConfirmation | None = None,
        on_custom_tool: CustomTool | None = None,
        api_key: str | None = None,
        api_base: str | None = None,
    ) -> None:
        self.provider = provider
        self.timeout = timeout
        self.runtime = AnthropicManagedAgent(config=config, api_key=api_key, base_url=api_base)
        custom = [
            each for each in self.runtime.config.tools if isinstance(each, Mapping) and each.get("type") == "custom"
        ]
        if custom and on_custom_tool is None:
            raise UsageError(
                f"The tool {custom[0].get('name')!r} is a custom one, and nothing runs it.",
                hint="Give on_custom_tool, a function of the tool's name and its input.",
            )
        self.total_input_tokens = 0
        """Tokens sent in the sessions of this object, those of a session before it was resumed included."""
        self.total_output_tokens = 0
        """Tokens received, likewise."""
        self._backend = RuntimeBackend(
            self.runtime, on_tool_confirmation=on_tool_confirmation, on_custom_tool=on_custom_tool
        )
        self._host = Host()
        self._turns: asyncio.Lock | None = None
        self._earlier = (0, 0)

    @property
    def agent_id(self) -> str | None:
        """The agent, None before the first turn."""
        return self._backend.agent_id

    @property
    def agent_version(self) -> int | None:
        """The version that new sessions are pinned to; None for the latest."""
        return self.runtime.agent_version

    @property
    def environment_id(self) -> str | None:
        """The environment, None before the first turn."""
        return self._backend.environment_id

    @property
    def session_id(self) -> str | None:
        """The session, None before its first turn."""
        return self._backend.session_id

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
        """Run one turn and yield the agent's messages, each as it is finished; leaving the loop ends the turn.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            LraError: The turn did not complete.
        """
        check_options(options)
        check_message(prompt)
        here = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue()

        async def work() -> None:
            try:
                await self._turn(prompt, lambda text: here.call_soon_threadsafe(queue.put_nowait, text))
            finally:
                here.call_soon_threadsafe(queue.put_nowait, None)

        done = asyncio.wrap_future(self._host.start(work()))
        try:
            while (message := await queue.get()) is not None:
                yield message
            await done
        finally:
            if not done.done():
                done.cancel()
                await asyncio.wait([done])

    async def _turn(self, prompt: str, tell: Any) -> None:
        if self._turns is None:
            self._turns = asyncio.Lock()
        async with self._turns:
            try:
                async with asyncio.timeout(self.timeout), aclosing(self._backend.stream(prompt)) as messages:
                    async for message in messages:
                        tell(message)
            except (TimeoutError, asyncio.CancelledError) as error:
                if self._backend.session_id is not None:
                    with suppress(LraError):
                        await asyncio.shield(self.runtime.interrupt(self._backend.session_id))
                if isinstance(error, TimeoutError):
                    raise BudgetError(f"The turn took longer than {self.timeout:g} s and was stopped.") from None
                raise
            finally:
                with suppress(LraError):
                    await asyncio.shield(self._info())

    def interrupt(self) -> None:
        """End the turn that runs, if any."""
        if self.session_id is not None:
            self._run(self.runtime.interrupt(self.session_id))

    def retrieve_session(self) -> dict[str, Any]:
        """Return `id`, `status`, `title` and `usage` of the session, always all four; see `SessionInfo`.

        Raises:
            LraError: The service cannot be reached.
        """
        return self._run(self._info())

    async def _info(self) -> dict[str, Any]:
        if self._backend.session_id is None:
            return SessionInfo().to_dict()
        found = await self.runtime.retrieve_session(self._backend.session_id)
        self.total_input_tokens = self._earlier[0] + found["usage"]["input_tokens"]
        self.total_output_tokens = self._earlier[1] + found["usage"]["output_tokens"]
        return found

    def list_sessions(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the sessions of this agent, the latest first.

        Args:
            limit: How many at most.

        Raises:
            LraError: The service cannot be reached.
        """
        if self.agent_id is None:
            return []
        return self._run(self.runtime.list_sessions(agent_id=self.agent_id, limit=limit))

    def save_ids(self) -> dict[str, Any]:
        """Return what another process needs to go on: `agent_id`, `agent_version`, `environment_id`, `session_id`."""
        return {name: getattr(self, name) for name in IDS}

    def restore_ids(self, ids: Mapping[str, Any]) -> None:
        """Go on with what `save_ids` returned, here or in another process.

        Args:
            ids: What it returned.

        Raises:
            LraError: They are no ids, there is no such session, or the service cannot be reached.
        """
        given: object = ids
        if not isinstance(given, Mapping) or not set(IDS).issuperset(given):
            raise UsageError("These are no ids.", hint="Give what save_ids() returned.")
        if ids.get("session_id"):
            self._run(self.runtime.retrieve_session(str(ids["session_id"])))
        self._backend.agent_id, self.runtime.agent_version = ids.get("agent_id"), ids.get("agent_version")
        self._backend.environment_id, self._backend.session_id = ids.get("environment_id"), ids.get("session_id")
        self._earlier = (0, 0)
        self._run(self._info())

    def resume_session(self, session_id: str) -> None:
        """Go on with a session.

        Args:
            session_id: Its id.

        Raises:
            LraError: There is no such session, or the service cannot be reached.
        """
        given: object = session_id
        if not isinstance(given, str) or not given:
            raise UsageError(
                f"{one_line(repr(given), 40)} is no session's id.", hint="Give ids['session_id'] of save_ids()."
            )
        self._run(self.runtime.retrieve_session(session_id))
        if self._backend.session_id != session_id:
            self._earlier = (self.total_input_tokens, self.total_output_tokens)
            self._backend.session_id = session_id
        self._run(self._info())

    def reset_session(self) -> None:
        """Begin a new session with the next turn; the agent and its environment stay."""
        self._earlier = (self.total_input_tokens, self.total_output_tokens)
        self._backend.reset_session()

    def reset_all(self) -> None:
        """Begin all anew with the next turn; what there is stays at the service."""
        self._backend.reset_all()
        self.runtime.agent_version = None
        self.total_input_tokens = self.total_output_tokens = 0
        self._earlier = (0, 0)

    def close(self) -> None:
        """Close the connections; sessions stay and can be resumed."""
        self._run(self.runtime.aclose())
        self._host.close()
        self._turns = None

    def __enter__(self) -> Self:
        """Return it; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._host.run(work)
