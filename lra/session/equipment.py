"""What a session's agent is equipped with: toolsets, capabilities, and what has to be ended with them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lra.agent.build import build_agent
from lra.agent.custom import Definition
from lra.agent.instructions_files import find_instructions
from lra.agent.specialist_files import find_specialists, folders, ignored
from lra.errors import UsageError
from lra.policy import Policy
from lra.session.delegation import Delegation
from lra.tools.catalogue import built_in_toolsets, describe, function_tools
from lra.tools.delegate import delegation_toolset
from lra.tools.generated.boxes import ToolBoxes
from lra.tools.generated.toolset import WrittenTools
from lra.tools.mcp.group import ONE_TURN_PATIENCE, open_group
from lra.tools.rule_files import RuleFiles
from lra.tools.skills import SkillToolset, find_skills
from lra.tools.skills import places as skill_places
from lra.tools.web import NativeWeb, private_allowed, web_toolset
from lra.tools.workbench import Workbench, find_workbench

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.models import Model
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
    delegation: Delegation
    """The session's specialists."""
    written: WrittenTools | None = None
    """The tools of the record, where there is a sandbox for them."""
    definition: Definition = field(default_factory=Definition)
    """The agent that the session was opened with."""
    fitted: list[AbstractToolset[AgentDeps]] = field(default_factory=list)
    """The toolsets of that agent and of its specialists."""
    notices: list[str] = field(default_factory=list)
    """Sentences the person should see once."""
    ending: AsyncExitStack = field(default_factory=AsyncExitStack)
    """Closes what was started for the session."""

    async def fit(self, definition: Definition) -> list[str]:
        """Take the tools, capabilities and specialists of an agent, in place of those of the one before.

        Args:
            definition: The agent.

        Returns:
            Sentences about files of specialists that could not be read.

        Raises:
            UsageError: One of its tools has the name of another.
        """
        delegation = self.delegation
        specialists, problems = await asyncio.to_thread(
            find_specialists, folders(delegation.settings), definition.specialists
        )
        own = list(definition.own_toolsets())
        handing_on = delegation_toolset(specialists)
        rest = [toolset for toolset in self.toolsets if not any(toolset is each for each in self.fitted)]
        taken = {tool.name for tool in function_tools([*rest, handing_on])}
        if clash := sorted(tool.name for tool in function_tools(own) if tool.name in taken):
            raise UsageError(
                f"The tool {clash[0]} of {definition.name} has the name of another tool.", hint="Rename the function."
            )
        kept = [each for each in self.capabilities if not any(each is other for other in self.definition.capabilities)]
        self.capabilities[:] = [*kept, *definition.capabilities]
        self.definition, self.fitted = definition, [*own, handing_on]
        self.toolsets[:] = [*rest, *self.fitted]
        delegation.specialists = {each.name: each for each in specialists}
        return problems

    def build(self, model: Model) -> Agent[AgentDeps, Any]:
        """Return the agent, with all it can use.

        Args:
            model: The model that answers.
        """
        definition = self.definition
        agent: Agent[AgentDeps, Any] = build_agent(
            model,
            self.toolsets,
            capabilities=self.capabilities,
            instructions=definition.instructions,
            name=definition.name,
            output_type=definition.output_type,
        )
        return agent

    async def refresh(self) -> list[str]:
        """Take up rules and tools that were changed since, by whomever; return what the person should know."""
        if self.written is None:
            return await self.rules.refresh()
        told, _ = await asyncio.gather(self.rules.refresh(), self.written.refresh())
        return told

    async def close(self) -> None:
        """End everything that was started for the session."""
        await self.ending.aclose()


async def equip(
    runtime: Runtime, record: SessionRecord, *, use_memory: bool, definition: Definition | None = None
) -> Equipment:
    """Gather what a session's agent can use.

    Args:
        runtime: The process's shared parts.
        record: The session.
        use_memory: Whether it remembers and recalls.
        definition: The agent; the built-in one by default.

    Raises:
        UsageError: A tool of the agent cannot be used.
    """
    if definition is not None and definition.alone:
        return await _alone(runtime, record, definition)
    rules = RuleFiles(Policy(), runtime.settings)
    equipment = Equipment(
        workbench=await find_workbench(runtime.workshop, record.id),
        rules=rules,
        delegation=Delegation(runtime, record),
    )
    equipment.notices += await rules.refresh()
    built_in: list[Any] = built_in_toolsets(use_memory=use_memory, use_sandbox=equipment.workbench is not None)
    equipment.toolsets += built_in
    equipment.toolsets.append(web_toolset(runtime.settings.search_url, private=private_allowed()))
    equipment.capabilities.append(NativeWeb())
    await _add_written(equipment, runtime, record)
    equipment.delegation.tools_from(equipment.toolsets, equipment.capabilities)
    equipment.notices += await equipment.fit(definition or Definition())
    await _add_servers(equipment, runtime)
    await asyncio.to_thread(_add_texts, equipment, runtime)
    return equipment


async def _alone(runtime: Runtime, record: SessionRecord, definition: Definition) -> Equipment:
    """Equip an agent with what it brings, and with the person's rules."""
    rules = RuleFiles(Policy(), runtime.settings)
    return Equipment(
        toolsets=list(definition.own_toolsets()),
        capabilities=list(definition.capabilities),
        workbench=definition.workbench,
        rules=rules,
        delegation=Delegation(runtime, record),
        definition=definition,
        notices=await rules.refresh(),
    )


async def _add_written(equipment: Equipment, runtime: Runtime, record: SessionRecord) -> None:
    """Offer the tools that were written, and the tool that writes more, where there is a sandbox for them."""
    if equipment.workbench is None:
        return
    boxes = ToolBoxes(runtime.workshop.client, record.id)
    others = equipment.toolsets

    def taken() -> set[str]:
        return {tool.name for tool in describe(each for each in others if each is not written)}

    written = equipment.written = WrittenTools(runtime.store, boxes, taken)
    others += [written, written.writer()]
    await written.refresh()
    equipment.ending.push_async_callback(boxes.close)


def _add_texts(equipment: Equipment, runtime: Runtime) -> None:
    """Offer the skills, and what AGENTS.md says. Blocks: it looks for files."""
    folder = equipment.definition.folder
    own = [(folder / "skills", "agent")] if folder is not None else []
    skills, problems = find_skills([*skill_places(runtime.settings), *own])
    if skills:
        equipment.toolsets.append(SkillToolset(skills))
    instructions, unread = find_instructions(runtime.settings)
    if instructions is not None:
        equipment.capabilities.append(instructions)
    equipment.notices += [*problems, *unread, *ignored(runtime.settings)]


async def _add_servers(equipment: Equipment, runtime: Runtime) -> None:
    """Start the MCP servers; a process that stays does not wait for them."""
    patience = 0.0 if runtime.long_lived else ONE_TURN_PATIENCE
    group = await open_group(runtime.settings, patience=patience, agent_folder=equipment.definition.folder)
    if group is not None:
        equipment.toolsets.append(group.toolset)
        equipment.notices += group.notices
        equipment.ending.push_async_callback(group.close)
