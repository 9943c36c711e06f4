"""The list of tools a session has, for the model and for the person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

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


@runtime_checkable
class Describing(Protocol):
    """A toolset whose tools are no Python functions, and that tells of them itself."""

    def describe(self) -> list[ToolInfo]:
        """Return the tools there are now."""
        ...


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
    return [tool for leaf in _leaves(toolsets) if isinstance(leaf, FunctionToolset) for tool in leaf.tools.values()]


def _leaves(toolsets: Iterable[AbstractToolset[Any]]) -> list[AbstractToolset[Any]]:
    leaves: list[AbstractToolset[Any]] = []
    for toolset in toolsets:
        toolset.apply(leaves.append)
    return leaves


def describe(toolsets: Iterable[AbstractToolset[Any]]) -> list[ToolInfo]:
    """Return name, first line of the description and origin of every tool."""
    told: list[ToolInfo] = []
    for leaf in _leaves(toolsets):
        if isinstance(leaf, FunctionToolset):
            told += [_info(tool) for tool in leaf.tools.values()]
        elif isinstance(leaf, Describing):
            told += leaf.describe()
    return told


def _info(tool: Tool[Any]) -> ToolInfo:
    source = (tool.metadata or {}).get("source", "built-in")
    return ToolInfo(tool.name, (tool.description or "").strip().split("\n", 1)[0], str(source))
