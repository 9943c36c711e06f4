"""The gate that every tool call passes, whatever toolset it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_ai import ModelRetry, RunContext, ToolDenied
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from pydantic_core import to_jsonable_python

from lra.policy import Action
from lra.tools.deps import AgentDeps


@dataclass
class Gate(AbstractCapability[AgentDeps]):
    """Puts the gate around all toolsets of an agent, those of its other capabilities too.

    A tool says in its metadata what holds where no rule speaks: `consent` is `allow` or `ask`, `why` is the sentence
    the person is shown, `source` where the tool comes from. Without it the tool is part of the program and allowed.
    """

    def get_wrapper_toolset(self, toolset: AbstractToolset[AgentDeps]) -> AbstractToolset[AgentDeps]:
        """Return the toolset behind the gate."""
        return Gated(toolset)


@dataclass
class Gated(WrapperToolset[AgentDeps]):
    """A toolset whose calls are decided about before they run."""

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDeps], tool: ToolsetTool[AgentDeps]
    ) -> Any:
        """Run the call, with the arguments the person gave it, or tell the model why it was not run."""
        deps, call_id = ctx.deps, ctx.tool_call_id or ""
        metadata = tool.tool_def.metadata or {}
        default: Action = "ask" if metadata.get("consent") == "ask" else "allow"
        source = str(metadata.get("source", ""))
        args: dict[str, Any] = to_jsonable_python(tool_args, fallback=str)
        decision = deps.policy.decide(name, args, default)
        if decision.action == "allow":
            await deps.note_allowed(call_id, name, args, rule=decision.rule, source=source)
            return await super().call_tool(name, tool_args, ctx, tool)
        if decision.action == "deny":
            return ToolDenied((await deps.refuse(call_id, name, args, decision.reason, source=source)).refusal)
        why = decision.reason or str(metadata.get("why", ""))
        consent = await deps.ask(call_id, name, args, why, source=source)
        if not consent.approved:
            return ToolDenied(consent.refusal)
        if consent.args is args:
            return await super().call_tool(name, tool_args, ctx, tool)
        try:
            edited = tool.args_validator.validate_python(consent.args, context=ctx.validation_context)
        except (ValidationError, ModelRetry) as error:
            problems = _problems(error)
            return ToolDenied(f"Not run: the person changed the arguments, and they do not fit the tool: {problems}")
        if deps.policy.decide(name, consent.args, "ask").action == "deny":
            return ToolDenied("Not run: a rule denies it with the arguments that the person gave it.")
        return await super().call_tool(name, edited, ctx, tool)


def _problems(error: ValidationError | ModelRetry) -> str:
    if isinstance(error, ModelRetry):
        return error.message
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
