"""lra as an MCP server: memory, recent conversations and tasks for other agents."""

from __future__ import annotations

from lra.mcp_server.serving import run

__all__ = ["run"]
