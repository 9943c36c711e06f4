"""The program with a tool that asks before it does something, and one that tells how far it is; run by tests."""

from __future__ import annotations

import asyncio

from pydantic_ai import FunctionToolset, RunContext

from lra.cli import main
from lra.events import ToolProgress
from lra.tools import catalogue
from lra.tools.deps import AgentDeps


async def write_file(ctx: RunContext[AgentDeps], path: str, text: str = "", url: str = "") -> str:
    """Write a file."""
    assert ctx.tool_call_id is not None
    args = {"path": path, "text": text, **({"url": url} if url else {})}
    consent = await ctx.deps.consent(ctx.tool_call_id, "write_file", args, "It changes your files.")
    return f"written {consent.args['path']}" if consent.approved else f"refused: {consent.reason or 'no'}"


async def build(ctx: RunContext[AgentDeps], lines: int) -> str:
    """Build something slowly, and say how far it is."""
    for number in range(lines):
        ctx.deps.tell(ToolProgress(call_id=ctx.tool_call_id or "", text=f"step {number}\n"))
        await asyncio.sleep(0.05)
    return f"built {lines} of {lines}\nstep {lines - 1} came last"


def run() -> None:
    """Run the program with the tool in its catalogue."""
    built_in = catalogue.built_in_toolsets

    def with_tool(*, use_memory: bool = True, use_sandbox: bool = False) -> object:
        return [*built_in(use_memory=use_memory), FunctionToolset([write_file, build], id="files")]

    import lra.session.equipment

    vars(lra.session.equipment)["built_in_toolsets"] = with_tool
    main()


if __name__ == "__main__":
    run()
