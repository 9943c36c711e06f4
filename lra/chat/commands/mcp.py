"""MCP servers: which there are, how they are, and starting, stopping and allowing them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lra.chat.agreeing import agreed
from lra.chat.commands.registry import registry
from lra.chat.render import Style
from lra.chat.table import counted, rows
from lra.chat.width import clip
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.tools.mcp.server import McpServer

_STYLES: dict[str, Style] = {"failed": "error", "waiting": "warning"}


@registry.command("mcp", "[NAME|restart NAME|…]", during_turn=True, completes=("restart", "stop", "allow"))
async def mcp(chat: Chat, args: str) -> None:
    """List the MCP servers and how they are; with a name, show one with its tools.

    /mcp restart NAME starts a server again, and reads what it offers anew; /mcp stop NAME ends it for this
    conversation. /mcp allow NAME starts one that the folder's mcp.json names, now and from now on, after showing you
    what it runs.
    """
    from lra.tools.mcp.toolset import servers_in

    servers = {server.name: server for server in servers_in((await chat.ready()).toolsets)}
    verb, _, name = args.partition(" ")
    if args in {"restart", "stop", "allow"} and args not in servers:
        raise UsageError(f"Say which: /mcp {args} NAME", hint="/mcp lists them.")
    if verb in {"restart", "stop", "allow"} and name.strip():
        await _change(chat, verb, _one(servers, name.strip()))
    elif args:
        _show(chat, _one(servers, args))
    elif servers:
        for server in servers.values():
            for line in rows([(server.name, server.state, _told(server))], chat.screen.columns):
                chat.screen.line(line, _STYLES.get(server.state, "plain"))
    else:
        from lra.tools.mcp.config import user_file

        chat.screen.line(f"There are no MCP servers. They are named in {user_file()} or in a folder's mcp.json.")


def _told(server: McpServer) -> str:
    match server.state:
        case "ready":
            left_out = f", {len(server.notes)} left out" if server.notes else ""
            return counted(len(server.offers), "tool") + left_out
        case "waiting":
            return f"/mcp allow {server.name} starts it; it is named by {server.config.path}"
        case "failed":
            return server.problem
    return ""


def _one(servers: dict[str, McpServer], name: str) -> McpServer:
    if name not in servers:
        known = (
            f"There are: {', '.join(servers)}." if servers else "There are none at all; /mcp says where they are named."
        )
        raise UsageError(f"There is no MCP server {clip(name, 40)!r}.", hint=known)
    return servers[name]


def _show(chat: Chat, server: McpServer) -> None:
    chat.screen.line(f"{server.name}: {server.state}{f', {server.problem}' if server.problem else ''}", "title")
    chat.screen.line(f"  {server.config.where}")
    chat.screen.line(f"  from {server.config.path}", "dim")
    table = [(offer.name, offer.description.strip().partition("\n")[0]) for offer in server.offers.values()]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)
    for note in server.notes:
        chat.screen.line(f"  ! {note}", "warning")


async def _change(chat: Chat, verb: str, server: McpServer) -> None:
    from lra.tools.mcp import allowed

    if verb == "allow":
        if server.state != "waiting":
            chat.screen.line(f"{server.name} is allowed already.")
            return
        for line in allowed.describe(server.config):
            chat.screen.line(line)
        if not await agreed(chat, f"Start {server.name} now and whenever a session begins in this folder?"):
            chat.screen.line(f"{server.name} is not started.")
            return
        await asyncio.to_thread(allowed.allow, server.config)
    elif server.state == "waiting":
        raise UsageError(f"{server.name} is not allowed yet.", hint=f"/mcp allow {server.name} shows what it runs.")
    await server.stop()
    if verb == "stop":
        chat.screen.line(f"{server.name} is stopped.")
        return
    server.start()
    await server.settled()
    told = _told(server)
    chat.screen.line(f"{server.name}: {server.state}{f', {told}' if told else ''}", _STYLES.get(server.state, "good"))
