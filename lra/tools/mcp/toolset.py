"""The tools of all MCP servers of a session, as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_ai import RunContext, ToolDefinition
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from lra.errors import LraError
from lra.events import Notice, ToolProgress
from lra.tools.catalogue import ToolInfo
from lra.tools.deps import AgentDeps
from lra.tools.mcp.offers import Offer
from lra.tools.mcp.server import McpServer

# The server checks its arguments itself; here they only have to be an object.
_ANY_ARGUMENTS = SchemaValidator(core_schema.dict_schema(core_schema.str_schema()))


class McpToolset(AbstractToolset[AgentDeps]):
    """What the servers that are ready offer; asked again before every request to the model.

    Args:
        servers: The session's servers.
        patience: Seconds for which a first request waits for servers that are still starting.
    """

    def __init__(self, servers: Sequence[McpServer], *, patience: float = 0.0) -> None:
        self.servers = list(servers)
        self._patience = patience
        self._told: set[str] = set()

    @property
    def id(self) -> str:
        """What the toolset is called."""
        return "mcp"

    async def get_tools(self, ctx: RunContext[AgentDeps]) -> dict[str, ToolsetTool[AgentDeps]]:
        """Return the tools of the servers that are ready now."""
        patience, self._patience = self._patience, 0.0
        starting = [asyncio.ensure_future(server.settled()) for server in self.servers if server.state == "starting"]
        if patience and starting:
            await asyncio.wait(starting, timeout=patience)
        for each in starting:
            each.cancel()
        self._tell(ctx.deps, patient=bool(patience))
        return {
            name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=name,
                    description=offer.description,
                    parameters_json_schema=offer.schema,
                    metadata={"consent": "ask", "why": _why(server.name, offer), "source": f"mcp:{server.name}"},
                ),
                max_retries=ctx.max_retries,
                args_validator=_ANY_ARGUMENTS,
            )
            for server in self.servers
            for name, offer in server.offers.items()
        }

    def _tell(self, deps: AgentDeps, *, patient: bool) -> None:
        """Tell the person once of each server whose tools are missing."""
        for server in self.servers:
            late = patient and server.state == "starting"
            if (late or server.state == "failed") and server.name not in self._told:
                self._told.add(server.name)
                why = "it is still starting" if late else server.problem
                deps.tell(
                    Notice(level="warning", text=f"The tools of the MCP server {server.name} are missing: {why}.")
                )
            elif server.state == "ready":
                self._told.discard(server.name)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[AgentDeps], tool: ToolsetTool[AgentDeps]
    ) -> Any:
        """Call a tool; what goes wrong with its server is told to the model, and the turn goes on."""
        from lra.tools.mcp.results import content_of

        found = self._find(name)
        if found is None:
            raise ToolFailed(f"The tool {name} is gone: its MCP server no longer runs, or no longer has it.")
        server, offer = found
        call_id = ctx.tool_call_id or ""
        try:
            result = await server.call(
                offer.own_name, tool_args, lambda text: ctx.deps.tell(ToolProgress(call_id=call_id, text=f"{text}\n"))
            )
        except LraError as error:
            raise ToolFailed(str(error)) from None
        content = await asyncio.to_thread(content_of, result)
        if result.is_error:
            text = content if isinstance(content, str) else content[0]
            raise ToolFailed(text or f"The tool {name} failed without saying why.")
        return content

    def _find(self, name: str) -> tuple[McpServer, Offer] | None:
        for server in self.servers:
            if offer := server.offers.get(name):
                return server, offer
        return None

    def describe(self) -> list[ToolInfo]:
        """Return the tools there are now, for the person."""
        return [
            ToolInfo(offer.name, offer.description.strip().split("\n", 1)[0], f"mcp:{server.name}")
            for server in self.servers
            for offer in server.offers.values()
        ]


def servers_in(toolsets: Iterable[AbstractToolset[Any]]) -> list[McpServer]:
    """Return the MCP servers among a session's toolsets."""
    return [server for each in toolsets if isinstance(each, McpToolset) for server in each.servers]


def _why(server: str, offer: Offer) -> str:
    says = ", which says that it only reads" if offer.reads_only else ""
    return f"It is a tool of the MCP server {server}{says}."
