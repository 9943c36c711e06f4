"""The program with one more tool, which asks before it does something; run as a script by tests."""

from __future__ import annotations

from pydantic_ai import FunctionToolset, RunContext

from lra.cli import main
from lra.tools import catalogue
from lra.tools.deps import AgentDeps


async def write_file(ctx: RunContext[AgentDeps], path: str, text: str = "") -> str:
    """Write a file."""
    assert ctx.tool_call_id is not None
    consent = await ctx.deps.consent(
        ctx.tool_call_id, "write_file", {"path": path, "text": text}, "It changes your files."
    )
    return f"written {consent.args['path']}" if consent.approved else f"refused: {consent.reason or 'no'}"


def run() -> None:
    """Run the program with the tool in its catalogue."""
    built_in = catalogue.built_in_toolsets

    def with_tool(*, use_memory: bool = True) -> object:
        return [*built_in(use_memory=use_memory), FunctionToolset([write_file], id="files")]

    import lra.session.session

    lra.session.session.built_in_toolsets = with_tool  # type: ignore[assignment]
    main()


if __name__ == "__main__":
    run()
