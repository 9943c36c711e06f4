"""`LocalManagedAgent`: an agent with an environment and sessions, on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from lra.errors import UsageError
from lra.events import Event, TextDelta, TurnFinished
from lra.managed.config import AnyConfig, CustomTool, ToolConfirmation
from lra.managed.host import Host
from lra.managed.identity import IDS, Identity
from lra.managed.reading import read_config
from lra.managed.session_info import SessionInfo
from lra.managed.worker import Emit, Worker, check_message, check_options, output_of
from lra.text import one_line


class LocalManagedAgent:
    """A managed agent that runs on this machine, with any model or none.

    Its turns go through the same loop as every conversation: each message is on the disk before the model is asked, and
    the session goes on after a restart. Methods that are not `async` wait, also where an event loop runs; everything
    may be called from any thread.

    Args:
        provider: `local`.
        config: What it is; by default an assistant for code, with the model that the settings choose.
        compute: What its tools run in: `docker`, or `local` for a sandbox of this process.
        timeout: Seconds a turn may take; None for no limit.
        on_tool_confirmation: Asked before every call of a tool that is not always allowed.
        on_custom_tool: Runs the custom tools.
        api_key: Key for the model, in place of that of the settings.
        api_base: Address of the model, in place of that of the settings.
        host: What it shares with other agents of the program; by default nothing.

    Raises:
        UsageError: The configuration is wrong, or cannot be had here.
    """

    def __init__(
        self,
        provider: str = "local",
        *,
        config: AnyConfig = None,
        compute: str | None = None,
        timeout: float | None = 300.0,
        on_tool_confirmation: ToolConfirmation | None = None,
        on_custom_tool: CustomTool | None = None,
        api_key: str | None = None,
        api_base: str | None = None,
        host: Host | None = None,
    ) -> None:
        if timeout is not None and not _seconds(timeout):
            raise UsageError("timeout is a number of seconds above 0, or None.")
        self.provider = provider
        self.config = config
        self.timeout = timeout
        self._plan, self._place = read_config(
            config, compute, on_tool_confirmation=on_tool_confirmation, on_custom_tool=on_custom_tool
        )
        self._access = (api_key, api_base)
        self._host, self._owns_host = host or Host(), host is None
        self._identity = Identity(self._host)
        self._worker: Worker | None = None
        self._preparing: asyncio.Lock | None = None

    @property
    def agent_id(self) -> str | None:
        """The agent, None before the first turn."""
        return self._identity.agent_id

    @property
    def agent_version(self) -> int | None:
        """Its version, None before the first turn."""
        return self._identity.agent_version

    @property
    def environment_id(self) -> str | None:
        """The environment, None before the first turn."""
        return self._identity.environment_id

    @property
    def session_id(self) -> str | None:
        """The session, None before its first turn."""
        return self._identity.session_id

    @property
    def managed_session_id(self) -> str | None:
        """The session, as `session_id`."""
        return self._identity.session_id

    @property
    def total_input_tokens(self) -> int:
        """Tokens sent in the sessions of this object, those of a session before it was resumed included."""
        return self._identity.tokens[0]

    @property
    def total_output_tokens(self) -> int:
        """Tokens received, likewise."""
        return self._identity.tokens[1]

    @property
    def compute_provider(self) -> str | None:
        """What is attached to run tools in."""
        return self._place.compute

    async def execute(self, prompt: str, **options: Any) -> str:
        """Run one turn and return the answer.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            ManagedSandboxRequired: There are packages and nothing to install them in.
            LraError: The turn did not complete; its `exit_code` says how.
        """
        check_options(options)
        return output_of(await self._host.call(self._turn(prompt, _unheard)))

    async def stream(self, prompt: str, **options: Any) -> AsyncGenerator[str, None]:
        """Run one turn and yield the answer as it comes; leaving the loop cancels the turn.

        Args:
            prompt: The message.
            **options: None yet.

        Raises:
            LraError: The turn did not complete; raised after what came of the answer.
        """
        check_options(options)
        async with aclosing(self.events(prompt)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and not event.parent:
                    yield event.text
                elif isinstance(event, TurnFinished):
                    output_of(event)

    async def events(self, prompt: str) -> AsyncGenerator[Event, None]:
        """Run one turn and yield its events, the last of which is `TurnFinished`; leaving the loop cancels the turn.

        Args:
            prompt: The message.

        Raises:
            LraError: The turn cannot begin.
        """
        here = asyncio.get_running_loop()
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        def hand_over(event: Event | None) -> None:
            here.call_soon_threadsafe(queue.put_nowait, event)

        async def work() -> None:
            try:
                await self._turn(prompt, hand_over)
            finally:
                hand_over(None)

        done = asyncio.wrap_future(self._host.start(work()))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await done
        finally:
            if not done.done():
                done.cancel()
                await asyncio.wait([done])

    def interrupt(self) -> None:
        """End the turn that runs, if any; it is kept as far as it went."""
        if self._worker is not None:
            self._host.run(_called(self._worker.interrupt))

    def retrieve_session(self) -> dict[str, Any]:
        """Return `id`, `status`, `title` and `usage` of the session, always all four; see `SessionInfo`."""
        return self._host.run(self._info()).to_dict()

    def list_sessions(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Return the sessions of this agent, those of other processes included, the latest first.

        Args:
            limit: How many at most.
        """
        return self._host.run(self._identity.sessions(limit))

    def save_ids(self) -> dict[str, Any]:
        """Return what another process needs to go on: `agent_id`, `agent_version`, `environment_id`, `session_id`.

        They are None before the first turn.
        """
        return self._identity.to_dict()

    def restore_ids(self, ids: Mapping[str, Any]) -> None:
        """Go on with what `save_ids` returned, here or in another process.

        Args:
            ids: What it returned.

        Raises:
            NotFoundError: There is no such agent or session.
            UsageError: They do not belong together, or are no ids.
        """
        given: object = ids
        if not isinstance(given, Mapping) or not set(IDS).issuperset(given):
            raise UsageError("These are no ids.", hint="Give what save_ids() returned.")
        self._host.run(self._restore(dict(ids)))

    def resume_session(self, session_id: str) -> None:
        """Go on with a session of this agent.

        Args:
            session_id: Its id.

        Raises:
            NotFoundError: There is no such session, or it is not of a managed agent.
            UsageError: It is the session of another agent.
        """
        given: object = session_id
        if not isinstance(given, str) or not given:
            raise UsageError(
                f"{one_line(repr(given), 40)} is no session's id.", hint="Give ids['session_id'] of save_ids()."
            )
        self._host.run(self._identity.resume(session_id))

    def reset_session(self) -> None:
        """Begin a new session with the next turn; the agent and its environment stay."""
        self._identity.begin_session()

    def reset_all(self) -> None:
        """Forget agent, environment and session, and end the sandbox; all begins anew with the next turn."""
        self._host.run(self._let_go())
        self._identity.forget()

    def update_agent(self, **changes: Any) -> None:
        """Change what the agent is from the next turn on; the session goes on.

        Args:
            **changes: Fields of the configuration, such as `system` or `model`.

        Raises:
            UsageError: There is no such field, or its value is wrong.
        """
        config = self.config
        if config is None:
            config = changes
        elif isinstance(config, Mapping):
            config = {**config, **changes}
        else:
            config = replace(config, **changes)
        self._plan, self._place = read_config(
            config,
            self._place.compute,
            on_tool_confirmation=self._plan.on_tool_confirmation,
            on_custom_tool=self._plan.on_custom_tool,
        )
        self.config = config
        self._host.run(self._let_go())

    async def provision_compute(self) -> dict[str, Any]:
        """Make the session's sandbox now, and return its `id`, `provider` and `status`.

        Raises:
            LraError: It cannot be made.
        """
        return await self._host.call(self._provision())

    async def execute_in_compute(self, command: str, timeout: float = 300.0) -> dict[str, Any]:
        """Run a shell command in the session's sandbox and return `stdout`, `stderr` and `exit_code`.

        Args:
            command: What the shell is given.
            timeout: Seconds it may run.

        Raises:
            LraError: There is no sandbox.
        """
        return await self._host.call(self._run_command(command, timeout))

    async def shutdown_compute(self) -> None:
        """End the session's sandbox; the next use makes another one."""

        async def work() -> None:
            if self._worker is not None and self.session_id is not None:
                await self._worker.end_box(self.session_id)

        await self._host.call(work())

    def close(self) -> None:
        """End what runs, and the sandboxes; sessions stay and can be resumed."""
        if self._worker is not None:
            self._host.run(self._let_go())
        if self._owns_host:
            self._host.close()
            self._preparing = None

    def __enter__(self) -> Self:
        """Return it; leaving the block closes it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it."""
        self.close()

    # What follows runs in the host's thread.

    async def _turn(self, prompt: str, emit: Emit) -> TurnFinished:
        check_message(prompt)
        session_id, worker = await self._prepared()
        try:
            return await worker.turn(session_id, prompt, emit)
        finally:
            await asyncio.shield(self._identity.count())

    async def _prepared(self) -> tuple[str, Worker]:
        """Return the session and who works on it; agent, environment and session are made when there are none."""
        if self._preparing is None:
            self._preparing = asyncio.Lock()
        async with self._preparing:
            if self._worker is None:
                await self._identity.save_agent(self._plan, self._place)
                self._worker = Worker(self._host, self._plan, self._place, timeout=self.timeout, access=self._access)
            return await self._identity.session(self._plan), self._worker

    async def _info(self) -> SessionInfo:
        session_id = self.session_id
        running = self._worker is not None and session_id is not None and self._worker.running(session_id)
        return await self._identity.info(running=running)

    async def _restore(self, ids: Mapping[str, Any]) -> None:
        await self._identity.restore(ids)
        await self._let_go()

    async def _provision(self) -> dict[str, Any]:
        session_id, worker = await self._prepared()
        client, sandbox_id = await worker.box(session_id)
        made = await client.get(sandbox_id)
        return {"id": sandbox_id, "provider": made["provider"], "status": made["status"]}

    async def _run_command(self, command: str, timeout: float) -> dict[str, Any]:
        session_id, worker = await self._prepared()
        client, sandbox_id = await worker.box(session_id)
        said = {"stdout": "", "stderr": ""}
        code = -1
        async with aclosing(client.command(sandbox_id, command, timeout=timeout)) as events:
            async for event in events:
                if event["event"] in said:
                    said[event["event"]] += event["text"]
                elif event["event"] == "done":
                    code = int(event.get("exit") or (0 if event["status"] == "ok" else -1))
        return {**said, "exit_code": code}

    async def _let_go(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()


def _seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _unheard(_event: Event) -> None:
    pass


async def _called(function: Callable[[], None]) -> None:
    function()
