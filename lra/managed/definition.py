"""A managed agent as the session loop takes it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_ai import Tool

from lra.agent.custom import Definition
from lra.config import Settings
from lra.managed.box_tools import box_toolset
from lra.managed.compute import about
from lra.managed.own_tools import custom_tool, program_toolsets
from lra.managed.plan import Place, Plan
from lra.managed.selection import IN_SANDBOX
from lra.tools.deps import AgentDeps
from lra.tools.workbench import Workbench


def define(plan: Plan, place: Place, settings: Settings, bench: Workbench | None) -> Definition:
    """Return an agent that has what its configuration names, and nothing else.

    Args:
        plan: The agent.
        place: Where its tools work.
        settings: Which search engine is asked.
        bench: The session's sandbox, where there is one.
    """
    selection = plan.selection
    toolsets = program_toolsets(selection.names, settings)
    if bench is not None and not selection.names.isdisjoint(IN_SANDBOX):
        toolsets.append(
            box_toolset(selection.policies, folder=place.working_dir, confirmed=plan.confirm_every, about=about(place))
        )
    return Definition(
        name=plan.slug,
        instructions=plan.system,
        tools=(*selection.functions, *_custom(plan)),
        toolsets=tuple(toolsets),
        alone=True,
        workbench=bench,
    )


def _custom(plan: Plan) -> Iterator[Tool[AgentDeps]]:
    if plan.on_custom_tool is not None:
        for custom in plan.selection.custom:
            yield custom_tool(custom, plan.on_custom_tool, asked=plan.confirm_every)
