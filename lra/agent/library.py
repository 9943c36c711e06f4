"""`create_agent`: lra's tools and instructions as a Pydantic AI agent, with one's own beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lra.agent.build import build_agent
from lra.agent.custom import DEFAULT_NAME, CustomAgent, Definition
from lra.agent.models import choose_model, normalise
from lra.agent.providers import build_model
from lra.agent.specialists import Specialist
from lra.config import load_settings
from lra.errors import ConfigError
from lra.tools.catalogue import built_in_toolsets

if TYPE_CHECKING:
    from pydantic_ai import Tool
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.toolsets import AbstractToolset

    from lra.tools.deps import AgentDeps


def create_agent(
    model: str | None = None,
    *,
    instructions: str | Path | None = None,
    name: str = DEFAULT_NAME,
    tools: Sequence[Callable[..., Any] | Tool[AgentDeps]] = (),
    toolsets: Sequence[AbstractToolset[AgentDeps]] = (),
    capabilities: Sequence[AbstractCapability[AgentDeps]] = (),
    specialists: Sequence[Specialist] = (),
    output_type: Any = str,
) -> CustomAgent:
    """Build an agent with lra's tools and your own.

    Chat with it by `lra run`, open a `Session` with it, or run it as any Pydantic AI agent with `AgentDeps` as its
    dependencies; alone it does not persist its turns, and has no specialists.

    Args:
        model: Model string; by default what the settings choose.
        instructions: Replaces the built-in instructions: the text, or the path of a file with it.
        name: What it is called in listings.
        tools: Functions the model can call.
        toolsets: Toolsets of Pydantic AI.
        capabilities: Capabilities of Pydantic AI.
        specialists: Whom it can hand tasks to, besides those of the person and of the program.
        output_type: What it answers with; text by default.

    Raises:
        ConfigError: The model cannot be used, or the file with the instructions cannot be read.
        UsageError: The name or a tool is no good.
    """
    settings = load_settings()
    definition = Definition(
        name=name,
        instructions=_text(instructions),
        model=model,
        tools=tuple(tools),
        toolsets=tuple(toolsets),
        capabilities=tuple(capabilities),
        specialists=tuple(specialists),
        output_type=output_type,
    )
    chosen = normalise(model, settings) if model else choose_model(settings).name
    agent = build_agent(
        build_model(chosen, settings),
        [*built_in_toolsets(), *definition.own_toolsets()],
        capabilities=definition.capabilities,
        instructions=definition.instructions,
        name=name,
        output_type=output_type,
        kind=CustomAgent,
    )
    agent.definition = definition
    return agent


def _text(instructions: str | Path | None) -> str | None:
    if not isinstance(instructions, Path):
        return instructions
    try:
        text = instructions.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The instructions cannot be read from {instructions}: {error}.") from error
    if not text:
        raise ConfigError(f"The file with the instructions, {instructions}, is empty.")
    return text
