"""Assembling the Pydantic AI agent."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_ai import Agent, AgentRetries

from lra.tools.deps import AgentDeps
from lra.tools.gate import Gate

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.models import Model
    from pydantic_ai.toolsets import AbstractToolset

TOOL_RETRIES = 3
Kind = TypeVar("Kind", bound=Agent[AgentDeps, Any])

# Read with the module, so that building an agent on the event loop touches no file.
_INSTRUCTIONS = files("lra.agent").joinpath("instructions.md").read_text("utf-8")


def default_instructions() -> str:
    """Return the built-in instructions (`instructions.md` beside this module)."""
    return _INSTRUCTIONS


def build_agent(
    model: Model,
    toolsets: Sequence[AbstractToolset[Any]],
    *,
    capabilities: Sequence[AbstractCapability[Any]] = (),
    instructions: str | None = None,
    name: str = "lra",
    output_type: Any = str,
    kind: type[Kind] = Agent[AgentDeps, Any],  # type: ignore[assignment]
) -> Kind:
    """Build the agent of a session; every call of its tools passes the gate.

    Args:
        model: The model that answers.
        toolsets: What it can call.
        capabilities: What else goes with it, such as hooks and skills.
        instructions: Replaces the built-in instructions.
        name: What it is called in traces.
        output_type: What it answers with.
        kind: The class of the agent.
    """
    return kind(
        model,
        name=name,
        deps_type=AgentDeps,
        output_type=output_type,
        instructions=instructions if instructions is not None else default_instructions(),
        toolsets=list(toolsets),
        # Last, and so the innermost: what other capabilities do with a call, they do before it is decided about.
        capabilities=[*capabilities, Gate()],
        retries=AgentRetries(tools=TOOL_RETRIES, output=2),
    )
