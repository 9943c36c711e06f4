"""`create_agent`: lra's tools and instructions as a plain Pydantic AI agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.agent.build import build_agent
from lra.agent.models import choose_model, normalise
from lra.agent.providers import build_model
from lra.config import load_settings
from lra.tools.catalogue import built_in_toolsets

if TYPE_CHECKING:
    from pydantic_ai import Agent

    from lra.tools.deps import AgentDeps


def create_agent(model: str | None = None, *, instructions: str | None = None) -> Agent[AgentDeps, str]:
    """Build an agent with lra's tools; run it with `AgentDeps` as its dependencies.

    Unlike `run_agent` it does not persist its turns by itself.

    Args:
        model: Model string; by default what the settings choose.
        instructions: Replaces the built-in instructions.

    Raises:
        ConfigError: The model cannot be used.
    """
    settings = load_settings()
    name = normalise(model, settings) if model else choose_model(settings).name
    return build_agent(build_model(name, settings), built_in_toolsets(), instructions=instructions)
