"""The list of tools a session has, for the model and for the person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_ai import FunctionToolset, Tool
from pydantic_ai.toolsets import AbstractToolset

from lra.tools.deps import AgentDeps
from lra.tools.memory import memory_toolset
from lra.tools.sandbox import sandbox_toolset
from lra.tools.tasks import task_toolset


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """One tool as a person sees it."""

    name: str
    description: str
    source: str


def built_in_toolsets(*, use_memory: bool = True, use_sandbox: bool = False) -> list[FunctionToolset[AgentDeps]]:
    """Return the toolsets a session has.

    Args:
        use_memory: Whether it remembers and recalls.
        use_sandbox: Whether code can be run.
    """
    memory = [memory_toolset()] if use_memory else []
    sandbox = [sandbox_toolset()] if use_sandbox else []
    return [*memory, task_toolset(), *sandbox]


def function_tools(toolsets: Iterable[AbstractToolset[Any]]) -> list[Tool[Any]]:
    """Return the Python functions among the tools, those of wrapped toolsets too."""
    leaves: list[AbstractToolset[Any]] = []
    for toolset in toolsets:
        toolset.apply(leaves.append)
    return [tool for leaf in leaves if isinstance(leaf, FunctionToolset) for tool in leaf.tools.values()]


def describe(toolsets: Iterable[AbstractToolset[Any]]) -> list[ToolInfo]:
    """Return name, first line of the description and origin of every tool."""
    return [
        ToolInfo(tool.name, (tool.description or "").strip().split("\n", 1)[0], "built-in")
        for tool in function_tools(toolsets)
    ]
