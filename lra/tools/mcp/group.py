"""All MCP servers of one session."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from lra.config import Settings
from lra.store.whole_file import replace_file
from lra.tools.catalogue import ToolInfo
from lra.tools.mcp import allowed
from lra.tools.mcp.config import ServerConfig, find_servers
from lra.tools.mcp.server import McpServer
from lra.tools.mcp.toolset import McpToolset

_SEEN = "mcp_tools"
"""Folder with a file for each server, so that servers that become ready together do not write over each other."""
ONE_TURN_PATIENCE = 10.0
"""Seconds for which a process that takes one turn waits for its servers: there is no later request to join."""


class McpGroup:
    """Starts the servers that may start, and ends them all.

    Args:
        settings: Where the program's data is.
        configs: The servers.
        waiting: Names of those that a person has to allow first.
        problems: Sentences about what the files say.
        patience: Seconds for which the first request waits for servers that are starting.
    """

    def __init__(
        self,
        settings: Settings,
        configs: tuple[ServerConfig, ...],
        *,
        waiting: set[str],
        problems: tuple[str, ...] = (),
        patience: float = 0.0,
    ) -> None:
        self._home = settings.home
        self.problems = problems
        self.servers = [
            McpServer(config, self._remember, waiting=config.name in waiting)
            for config in configs
            if not config.disabled
        ]
        self.toolset = McpToolset(self.servers, patience=patience)

    @property
    def notices(self) -> list[str]:
        """What the person should know at the start."""
        waiting = [server.name for server in self.servers if server.state == "waiting"]
        if not waiting:
            return list(self.problems)
        which = f"the MCP server {waiting[0]}" if len(waiting) == 1 else f"the MCP servers {', '.join(waiting)}"
        name = waiting[0] if len(waiting) == 1 else "NAME"
        how = f"/mcp allow {name}, or `lra mcp allow {name}`"
        return [*self.problems, f"This folder's mcp.json names {which}: not started before you allow it ({how})."]

    def start(self) -> None:
        """Start in the background what may be started."""
        for server in self.servers:
            if server.state == "stopped":
                server.start()

    async def close(self) -> None:
        """End all servers, side by side."""
        await asyncio.gather(*(server.stop() for server in self.servers))

    async def _remember(self, server: McpServer) -> None:
        """Keep what a server has to offer, for lists that are made without starting it."""
        tools = {offer.name: offer.description.strip().split("\n", 1)[0] for offer in server.offers.values()}
        with suppress(OSError):
            await asyncio.to_thread(_write_seen, self._home, server.name, tools)


async def open_group(
    settings: Settings, *, patience: float = 0.0, agent_folder: Path | None = None, only: str | None = None
) -> McpGroup | None:
    """Start a session's servers in the background; returns at once, None where there are none.

    Args:
        settings: Which files count.
        patience: Seconds for which the first request waits for servers that are starting.
        agent_folder: Folder of a person's own agent, whose `mcp.json` counts too.
        only: Name of the one server to start; all by default.
    """

    def read() -> tuple[tuple[ServerConfig, ...], tuple[str, ...], set[str]]:
        found = find_servers(settings, agent_folder)
        return found.servers, found.problems, allowed.needs_yes(list(found.servers))

    configs, problems, waiting = await asyncio.to_thread(read)
    if not configs and not problems:
        return None
    configs = tuple(config for config in configs if only in (None, config.name))
    group = McpGroup(settings, configs, waiting=waiting, problems=problems, patience=patience)
    group.start()
    return group


def seen_tools(settings: Settings) -> list[ToolInfo]:
    """Return the tools that the servers of this folder had when they last ran; blocks, and starts nothing."""
    return [
        ToolInfo(str(name), str(description), f"mcp:{config.name}")
        for config in find_servers(settings).servers
        if not config.disabled
        for name, description in _read_seen(settings.home, config.name).items()
    ]


def _read_seen(home: Path, server: str) -> dict[str, Any]:
    try:
        seen = json.loads((home / _SEEN / f"{server}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _write_seen(home: Path, server: str, tools: dict[str, str]) -> None:
    if _read_seen(home, server) != tools:
        (home / _SEEN).mkdir(mode=0o700, exist_ok=True)
        replace_file(home / _SEEN / f"{server}.json", json.dumps(tools, ensure_ascii=False, indent=1).encode())
