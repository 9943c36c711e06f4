"""The tools of a managed agent that work outside its sandbox: custom ones, the web, memory and tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic_ai import RunContext, Tool, ToolDefinition
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset

from lra.config import Settings
from lra.managed.callbacks import confirmed, run_custom
from lra.managed.config import CustomTool
from lra.managed.plan import Plan
from lra.managed.selection import MEMORY, TASKS, WEB, Custom
from lra.tools.consent import Answer, Approver, by_policy
from lra.tools.deps import AgentDeps
from lra.tools.memory import memory_toolset
from lra.tools.tasks import task_toolset
from lra.tools.web import private_allowed, web_toolset


def custom_tool(custom: Custom, callback: CustomTool, *, asked: bool) -> Tool[AgentDeps]:
    """Return a custom tool, as the model calls it.

    Args:
        custom: What it is.
        callback: Runs it.
        asked: Whether there is somebody who is asked about every call.
    """

    async def run(**given: Any) -> str:
        text, failed = await run_custom(callback, custom.name, given)
        if failed:
            raise ToolFailed(text)
        return text

    tool: Tool[AgentDeps] = Tool.from_schema(
        run, name=custom.name, description=custom.description, json_schema=dict(custom.schema)
    )
    tool.metadata = {"consent": "ask" if asked else "allow", "why": "It is a custom tool.", "source": "managed"}
    return tool


def program_toolsets(names: frozenset[str], settings: Settings) -> list[AbstractToolset[AgentDeps]]:
    """Return the web, memory and tasks, as far as an agent has them.

    Args:
        names: The tools it has.
        settings: Which search engine is asked.
    """
    groups: tuple[tuple[tuple[str, ...], Callable[[], AbstractToolset[AgentDeps]]], ...] = (
        (WEB, partial(web_toolset, settings.search_url, private=private_allowed())),
        (MEMORY, memory_toolset),
        (TASKS, task_toolset),
    )
    return [make().filtered(partial(_offered, names)) for group, make in groups if names.intersection(group)]


def _offered(names: frozenset[str], _ctx: RunContext[AgentDeps], tool: ToolDefinition) -> bool:
    return tool.name in names


def approver(plan: Plan, settings: Settings) -> Approver:
    """Return who is asked about calls: the program that uses the library, else what the settings say.

    Args:
        plan: The agent.
        settings: What holds where nobody is asked.
    """
    policies, confirmation = plan.selection.policies, plan.on_tool_confirmation
    otherwise = by_policy(settings.approval)

    async def ask(name: str, args: dict[str, Any], reason: str, *, call_id: str = "", lasting: bool = True) -> Answer:
        policy = policies.get(name)
        if policy == "allow":
            return True
        # A search was asked for with the tool; which page is read is the model's choice.
        if name == "web_search" and policy is None and not plan.confirm_every:
            return True
        if confirmation is not None:
            return await confirmed(confirmation, {"tool_name": name, "input": args, "reason": reason, "id": call_id})
        return await otherwise(name, args, reason, call_id=call_id, lasting=lasting)

    return ask
