"""A tool from an MCP server: this file is the server too, and a small agent in a folder of its own uses it.

Run: python -m lra.examples.08_mcp "How far is it from Oslo to Rome?"
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from lra import Session
from lra.events import ToolFinished, TurnFinished
from lra.tools.consent import by_policy

AGENT = """
from lra import create_agent

agent = create_agent(name="traveller", instructions="Look distances up; never guess.")
"""


def serve() -> None:
    """Offer one tool over standard input and output."""
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("atlas")

    @server.tool()
    def distance(start: str, end: str) -> str:
        """Return the distance between two cities."""
        known = {frozenset({"oslo", "rome"}): 2_006, frozenset({"rome", "cairo"}): 2_133}
        kilometres = known.get(frozenset({start.lower(), end.lower()}))
        return f"{kilometres} km" if kilometres else "not known"

    server.run()


def make_agent(folder: Path) -> None:
    """Write an agent with a list of its servers."""
    (folder / "agent.py").write_text(AGENT, "utf-8")
    server = {"command": sys.executable, "args": [str(Path(__file__).resolve()), "--serve"]}
    (folder / "mcp.json").write_text(json.dumps({"mcpServers": {"atlas": server}}), "utf-8")


async def main(text: str) -> None:
    """Ask an agent that has the server's tool; what it may do is allowed here, in chat it is asked about."""
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(make_agent, Path(folder))
        async with await Session.open(agent=folder, approver=by_policy("auto"), origin="library") as session:
            async for event in session.send(text):
                if isinstance(event, ToolFinished):
                    print(f"{event.name}: {event.content}")
                elif isinstance(event, TurnFinished):
                    print(event.output if event.outcome == "completed" else f"{event.outcome}: {event.error}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        asyncio.run(main(" ".join(sys.argv[1:]) or "How far is it from Oslo to Rome?"))
