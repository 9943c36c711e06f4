"""Memory, tasks and the sandbox as capabilities for any Pydantic AI agent, whatever its dependencies are."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from pydantic_ai import RunContext
from pydantic_ai.capabilities import AbstractCapability, WrapRunHandler
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import InstructionPart, UserContent
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.run import AgentRunResult
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset

from lra.agent.recall_block import format_block, with_block
from lra.config import load_settings
from lra.errors import LraError
from lra.store import StructuredMemoryStore
from lra.store.clock import now_us
from lra.text import clean_text
from lra.tools.consent import by_policy
from lra.tools.deps import AgentDeps
from lra.tools.kept import Kept
from lra.tools.memory import memory_toolset
from lra.tools.sandbox import sandbox_toolset
from lra.tools.tasks import task_toolset
from lra.tools.workbench import Workbench, Workshop
from sandbox.client import SandboxError

DEFAULT_SESSION = "pydantic-ai"
"""The conversation that what an agent says belongs to, unless it is given another."""


@dataclass
class _Bound(WrapperToolset[Any]):
    """A toolset of ours in an agent with other dependencies, or with none."""

    deps: AgentDeps

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        return await super().get_tools(replace(ctx, deps=self.deps))

    async def get_instructions(
        self, ctx: RunContext[Any]
    ) -> str | InstructionPart | Sequence[str | InstructionPart] | None:
        return await super().get_instructions(replace(ctx, deps=self.deps))

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        try:
            return await super().call_tool(name, tool_args, replace(ctx, deps=self.deps), tool)
        except LraError as error:
            raise ToolFailed(str(error)) from error


@dataclass
class _OurCapability(AbstractCapability[Any]):
    """What the three have in common: a store, and a session that what they write belongs to.

    Args:
        session_id: The conversation; created when it does not exist.
        store: The record; the configured one by default.
    """

    session_id: str = DEFAULT_SESSION
    store: StructuredMemoryStore | None = None
    _deps: AgentDeps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A constructor cannot wait; the record itself is opened when it is first used.
        self.store = self.store or StructuredMemoryStore()
        self._deps = AgentDeps(session_id=self.session_id, structured_store=self.store)

    async def for_run(self, ctx: RunContext[Any]) -> Self:
        """Return a copy for one run, so that runs at the same time share nothing but the record."""
        fresh = replace(self)
        # Beside the record they share what it takes to search it.
        fresh._deps = replace(self._deps, memory=self._deps.require_memory(), turn_started=now_us(), remembered=[])
        return fresh


@dataclass
class MemoryCapability(_OurCapability):
    """Long-term memory: what fits a message is put in front of the model, and there are tools to search and write.

    `Agent(model, capabilities=[MemoryCapability()])` is all it takes.

    Args:
        session_id: The conversation that what is said and written belongs to.
        store: The record; the configured one by default.
        recall: Whether what fits a message comes with it.
        keep: Whether messages and answers are kept, to be found again.
    """

    recall: bool = True
    keep: bool = True
    _block: str = field(default="", init=False, repr=False)

    def get_toolset(self) -> AbstractToolset[Any]:
        """Return the memory tools."""
        return _Bound(memory_toolset(), self._deps)

    async def wrap_run(self, ctx: RunContext[Any], *, handler: WrapRunHandler) -> AgentRunResult[Any]:
        """Recall before the run, and keep what was said."""
        text = _words(ctx.prompt)
        if self.recall and text:
            # What was said in this conversation counts too: whether the agent was given its history is not known.
            hits = await self._deps.require_memory().recall(text)
            self._block = format_block([hit.recalled() for hit in hits]) if hits else ""
        if self.keep and text:
            await self._say("user", text)
        result = await handler()
        if self.keep:
            await self._say("assistant", result.output if isinstance(result.output, str) else "")
        return result

    async def _say(self, role: str, text: str) -> None:
        if text.strip():
            await self._deps.structured_store.append_conversation(self.session_id, role, clean_text(text))

    async def before_model_request(
        self, ctx: RunContext[Any], request_context: ModelRequestContext
    ) -> ModelRequestContext:
        """Put what was recalled beside the prompt, in the request alone."""
        if not self._block or ctx.prompt is None:
            return request_context
        return replace(request_context, messages=with_block(request_context.messages, ctx.prompt, self._block))


@dataclass
class TaskCapability(_OurCapability):
    """Tasks that outlive the conversation they were made in; see `MemoryCapability` for the arguments."""

    def get_toolset(self) -> AbstractToolset[Any]:
        """Return the task tools."""
        return _Bound(task_toolset(), self._deps)


@dataclass
class SandboxCapability(AbstractCapability[Any]):
    """Tools that run code and commands in a sandbox; each run of the agent has one of its own, which ends with it.

    Args:
        approve: What happens when a tool asks for packages or network: `deny`, the default, or `auto`.
        url: Where a sandbox service answers; the configured one by default, and none is needed.
        api_key: Its key; the configured one by default.
    """

    approve: Literal["auto", "deny"] = "deny"
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    _deps: AgentDeps | None = field(default=None, init=False, repr=False)
    _workshop: Workshop | None = field(default=None, init=False, repr=False)

    async def for_run(self, ctx: RunContext[Any]) -> Self:
        """Return a copy for one run, with a sandbox of its own."""
        settings = await asyncio.to_thread(load_settings)
        fresh = replace(self)
        fresh._workshop = Workshop(
            self.url or settings.sandbox_url, self.api_key or settings.sandbox_api_key, settings.home
        )
        session = f"run-{secrets.token_hex(8)}"
        fresh._deps = AgentDeps(
            session_id=session,
            structured_store=await asyncio.to_thread(StructuredMemoryStore),
            approve=by_policy(self.approve),
            asks_person=False,
            workbench=Workbench(fresh._workshop, session),
        )
        return fresh

    def get_toolset(self) -> AbstractToolset[Any] | None:
        """Return the sandbox tools; before a run there are none to call."""
        return None if self._deps is None else _Bound(sandbox_toolset(), self._deps)

    async def wrap_run(self, ctx: RunContext[Any], *, handler: WrapRunHandler) -> AgentRunResult[Any]:
        """End the sandbox with the run, however it ends."""
        try:
            return await handler()
        finally:
            await asyncio.shield(self._end())

    async def _end(self) -> None:
        deps, workshop = self._deps, self._workshop
        if deps is None or workshop is None or deps.workbench is None:
            return
        with suppress(SandboxError):
            if (there := await deps.workbench.present()) is not None:
                client, sandbox = there
                await client.delete(sandbox)
        await workshop.close()
        # There is nothing to be found again.
        await asyncio.to_thread(Kept(workshop.home, deps.session_id).forget)
        await deps.structured_store.close()


def _words(prompt: str | Sequence[UserContent] | None) -> str:
    if prompt is None or isinstance(prompt, str):
        return clean_text(prompt or "").strip()
    return clean_text("\n".join(item for item in prompt if isinstance(item, str))).strip()
