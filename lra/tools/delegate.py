"""Tools that hand a task to a specialist; a tool for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from pydantic_ai import FunctionToolset, RunContext, Tool
from pydantic_ai.exceptions import ToolFailed

from lra.tools.deps import AgentDeps


class Delegate(Protocol):
    """What a tool has to know of a specialist."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def tool(self) -> str:
        """The name of the tool."""
        ...

    @property
    def description(self) -> str:
        """What the model is told of it."""
        ...


def _hand_on(name: str) -> Callable[..., Awaitable[str]]:
    async def delegate(ctx: RunContext[AgentDeps], task: str, context: str = "") -> str:
        """Hand a task on.

        Args:
            task: What is to be done, complete in itself: the specialist sees nothing of this conversation.
            context: What it has to know for it: facts, file names, earlier results.
        """
        if ctx.deps.spawn is None:
            raise ToolFailed("There are no specialists in this run.")
        return await ctx.deps.spawn(ctx, name, task, context)

    return delegate


def delegation_toolset(specialists: Iterable[Delegate]) -> FunctionToolset[AgentDeps]:
    """Return the tools for these specialists as a Pydantic AI toolset."""
    tools = [
        Tool(
            _hand_on(each.name),
            takes_ctx=True,
            name=each.tool,
            description=each.description,
            # Each tool that a specialist uses asks for itself.
            metadata={
                "consent": "allow",
                "why": f"The specialist {each.name} would work on a task.",
                "source": "agent",
            },
        )
        for each in specialists
    ]
    return FunctionToolset[AgentDeps](tools, id="specialists")
