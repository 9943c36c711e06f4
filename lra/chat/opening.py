"""Opening the first session behind the prompt."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.loading import Loader
from lra.chat.options import ChatOptions
from lra.config import Settings, load_settings

if TYPE_CHECKING:
    from lra.runtime import Runtime
    from lra.session import Session
    from lra.tools.consent import Approver


def settings_for(options: ChatOptions) -> Settings:
    """Return the settings with what the command line says.

    Raises:
        ConfigError: A value is wrong.
    """
    flags = {
        "LRA_MODEL": options.model,
        "LRA_APPROVAL": options.approve,
        "LRA_MAX_COST": None if options.max_cost is None else str(options.max_cost),
    }
    settings = load_settings(flags=flags)
    return own_record(settings, Path(options.agent)) if options.agent and options.own_memory else settings


def own_record(settings: Settings, agent: Path) -> Settings:
    """Return the settings with a record and an index that only this agent uses."""
    mark = hashlib.sha256(str(agent.resolve()).encode()).hexdigest()[:8]
    place = settings.home / "agent-memory" / f"{agent.parent.name}-{mark}"
    return replace(
        settings,
        database_url=f"sqlite+aiosqlite:///{place / 'agent_memory.db'}",
        vector_store_path=place / "chroma_db",
    )


def origin_of(options: ChatOptions) -> str:
    """Return where the session comes from; a record of an agent's own takes up no lines typed elsewhere."""
    return "agent" if options.own_memory else "chat"


async def use_workspace(runtime: Runtime, options: ChatOptions) -> None:
    """Let the sessions of a process work on the folder that was named.

    Raises:
        UsageError: It is no folder that can be given.
    """
    if options.workspace is not None:
        from lra.tools.workspace import folder_of

        runtime.workshop.workspace = await asyncio.to_thread(folder_of, options.workspace)


_SOON = 8.0
"""Seconds without a prompt at most, on a machine that is busy; it takes well under one."""


class Opening:
    """What is loaded and opened while the person types.

    Args:
        options: Which session is wanted.
        settings: The resolved settings.
        approver: Who is asked for consent; None when nobody can be.
        on_done: Called when the session is open, or cannot be opened.
        on_step: Told in words what is being loaded.
    """

    def __init__(
        self,
        options: ChatOptions,
        settings: Settings,
        approver: Approver | None,
        on_done: Callable[[], None],
        on_step: Callable[[str], None],
    ) -> None:
        self.runtime: Runtime | None = None
        self._options = options
        self._settings = settings
        self._approver = approver
        self._on_done = on_done
        self._loader = Loader(on_step)
        self._task: asyncio.Task[Session] | None = None

    def begin(self) -> None:
        """Start, once; call it on the event loop when the prompt stands."""
        if self._task is not None:
            return
        self._loader.start()
        self._task = asyncio.create_task(self._open())
        self._task.add_done_callback(lambda task: None if task.cancelled() else self._on_done())

    async def soon(self) -> None:
        """Start, and wait a little for the end, for whoever can show nothing above a prompt that stands."""
        self.begin()
        assert self._task is not None
        await asyncio.wait([self._task], timeout=_SOON)

    @property
    def done(self) -> bool:
        """Whether it ended, well or badly."""
        return self._task is not None and self._task.done()

    @property
    def continues(self) -> bool:
        """Whether an earlier conversation is wanted, which is shown before what is said in it now."""
        return bool(self._options.resume or self._options.continue_latest)

    @property
    def failed(self) -> bool:
        """Whether the session could not be opened as asked."""
        task = self._task
        return task is not None and task.done() and not task.cancelled() and task.exception() is not None

    async def session(self) -> Session:
        """Wait for the session.

        Raises:
            LraError: It cannot be opened.
        """
        assert self._task is not None, "begin comes first"
        return await asyncio.shield(self._task)

    async def _open(self) -> Session:
        await self._loader.loaded()
        from lra.runtime import Runtime

        self.runtime = await Runtime.open(self._settings, background=True)
        options = self._options
        await use_workspace(self.runtime, options)
        return await self.another(resume=options.resume, continue_latest=options.continue_latest, fork=options.fork)

    async def another(
        self,
        *,
        resume: str | None = None,
        continue_latest: bool = False,
        fork: bool = False,
        read_only: bool = False,
        model: str | None = None,
    ) -> Session:
        """Open a session beside the first one; see `Session.open`."""
        from lra.session import Session
        from lra.tools.consent import by_policy

        assert self.runtime is not None, "the first session opens the runtime"
        return await Session.open(
            self.runtime,
            resume=resume,
            continue_latest=continue_latest,
            fork=fork,
            read_only=read_only,
            model=model,
            use_memory=self._options.memory,
            agent=self._options.agent,
            origin=origin_of(self._options),
            approver=self._approver or by_policy(self._settings.approval),
        )

    async def abandon(self) -> Session | None:
        """Stop loading; returns the session if it is open already."""
        task = self._task
        if task is None:
            return None
        if not task.done():
            task.cancel()
            await asyncio.to_thread(self._loader.stop)
            await asyncio.wait([task])
        return None if task.cancelled() or task.exception() is not None else task.result()
