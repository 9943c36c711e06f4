"""Writing `mcp.json`, and running servers without a session."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from lra.config import config_dir, load_settings
from lra.tools.mcp.group import McpGroup, open_group

HOSTILE = str(Path(__file__).with_name("hostile.py"))
TIME = str(Path(sys.executable).with_name("mcp-server-time"))


def hostile(mode: str, *args: str, **more: Any) -> dict[str, Any]:
    """The description of a server that misbehaves in one way."""
    return {"command": sys.executable, "args": [HOSTILE, mode, *args], **more}


def write_servers(servers: dict[str, Any], path: Path | None = None) -> Path:
    """Write the person's `mcp.json`, or another."""
    path = path or config_dir() / "mcp.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


async def settled(**servers: dict[str, Any]) -> McpGroup:
    """Start servers and wait until each is ready or has failed."""
    await asyncio.to_thread(lambda: write_servers(servers))
    settings = await asyncio.to_thread(load_settings)
    settings.home.mkdir(parents=True, exist_ok=True)
    group = await open_group(settings)
    assert group is not None
    for server in group.servers:
        await server.settled()
    return group
