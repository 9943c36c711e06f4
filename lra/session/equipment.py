"""What a session's agent is equipped with: toolsets, capabilities, and what has to be ended with them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lra.policy import Policy
from lra.tools.catalogue import built_in_toolsets
from lra.tools.rule_files import RuleFiles
from lra.tools.workbench import Workbench, find_workbench

if TYPE_CHECKING:
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.toolsets import AbstractToolset

    from lra.runtime import Runtime
    from lra.store import SessionRecord
    from lra.tools.deps import AgentDeps


@dataclass(kw_only=True)
class Equipment:
    """What one session can use besides its model."""

    toolsets: list[AbstractToolset[AgentDeps]] = field(default_factory=list)
    capabilities: list[AbstractCapability[AgentDeps]] = field(default_factory=list)
    workbench: Workbench | None = None
    """The session's sandbox, where one can be made."""
    rules: RuleFiles
    """What is allowed in this session, and the files that say so."""
    notices: list[str] = field(default_factory=list)
    """Sentences the person should see once."""
    ending: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closes what was started for the session."""

    async def close(self) -> None:
        """End everything that was started for the session."""
        await self.ending.aclose()


async def equip(runtime: Runtime, record: SessionRecord, *, use_memory: bool) -> Equipment:
    """Gather what a session's agent can use.

    Args:
        runtime: The process's shared parts.
        record: The session.
        use_memory: Whether it remembers and recalls.
    """
    rules = RuleFiles(Policy(), runtime.settings)
    equipment = Equipment(workbench=await find_workbench(runtime.workshop, record.id), rules=rules)
    equipment.notices += await rules.refresh()
    built_in: list[Any] = built_in_toolsets(use_memory=use_memory, use_sandbox=equipment.workbench is not None)
    equipment.toolsets += built_in
    return equipment
