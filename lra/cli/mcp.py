"""`lra mcp`: other programs' tools for the agent, and the agent's memory for other programs."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lra.cli import notices, output
from lra.cli.options import HELP, Json, Yes, confirm
from lra.cli.work import quiet_libraries
from lra.cli.work import settings as read_settings
from lra.errors import ExitCode, NotFoundError, RefusedError
from lra.text import revealed

if TYPE_CHECKING:
    from lra.config import Settings
    from lra.tools.mcp.config import ServerConfig
    from lra.tools.mcp.server import McpServer

app = typer.Typer(
    help="Serve memory and tasks to other agents over MCP, or manage the MCP servers whose tools are used here.",
    invoke_without_command=True,
    add_completion=False,
    context_settings=HELP,
)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The server, as mcp.json names it.")]


@app.callback()
def root(ctx: typer.Context) -> None:
    """Serve memory and tasks to other agents over MCP, or manage the MCP servers whose tools are used here."""
    if ctx.invoked_subcommand is not None:
        return
    if sys.stdin.isatty():
        output.write(ctx.get_help())
        return
    serve()


@app.command("serve")
def serve() -> None:
    """Offer memory, recent conversations and tasks to another agent, which starts this command, over MCP."""
    from lra.mcp_server import run

    settings = read_settings()
    quiet_libraries()
    run(settings)


@app.command("list")
def list_servers(as_json: Json = False) -> None:
    """List the MCP servers of yours and of this folder; nothing is started."""
    settings = read_settings(quiet=True)
    servers, waiting, tools = _look(settings)
    told = [
        {
            "name": each.name,
            "state": "disabled" if each.disabled else "not allowed yet" if each.name in waiting else "allowed",
            "from": str(each.path),
            "where": each.where,
            "tools": tools.get(f"mcp:{each.name}", []),
        }
        for each in servers
    ]
    if as_json:
        output.write_json(told)
        return
    rows = [(each["name"], each["state"], str(len(each["tools"])), each["where"], each["from"]) for each in told]
    from lra.tools.mcp.config import user_file

    empty = f"There are no MCP servers. They are named in {user_file()} or in a folder's mcp.json."
    output.write_table(("NAME", "STATE", "TOOLS", "WHERE", "FROM"), rows, wide="WHERE", empty=empty)


@app.command("check")
def check(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One server; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Start the MCP servers, list their tools, and say what is wrong with those that do not work."""
    settings = read_settings(quiet=True)
    if name is not None:
        _one(settings, name)
        mistakes = False
    else:
        mistakes = _tell_problems(settings)
    quiet_libraries()
    told = asyncio.run(_check(settings, name))
    if as_json:
        output.write_json(told)
    else:
        for each in told:
            _tell(each)
        if not told:
            notices.say("There is nothing to check.")
    if any(each["state"] != "ready" for each in told):
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if mistakes:
        raise typer.Exit(ExitCode.CONFIG)


@app.command("allow")
def allow(name: _Name, yes: Yes = False) -> None:
    """Let a server that this folder's mcp.json names be started, as it is described now."""
    from lra.tools.mcp import allowed

    server = _one(read_settings(quiet=True), name)
    if server.level != "project":
        output.write(f"{name} is in your own file, and allowed.")
        return
    for line in allowed.describe(server):
        notices.say(revealed(line))
    confirm(f"Start {name} whenever a session begins in this folder?", yes)
    allowed.allow(server)
    output.write(f"{name} is allowed.")


@app.command("forbid")
def forbid(name: _Name) -> None:
    """Take back the yes to a server of this folder."""
    from lra.tools.mcp import allowed

    server = _one(read_settings(quiet=True), name)
    if server.level != "project":
        raise RefusedError(f"{name} is in your own file.", hint=f'Write "disabled": true into {server.path}.')
    told = "no longer allowed" if allowed.withdraw(server) else "not allowed anyway"
    output.write(f"{name} is {told}.")


def _tell_problems(settings: Settings) -> bool:
    from lra.tools.mcp.config import find_servers

    problems = find_servers(settings).problems
    for problem in problems:
        notices.say(f"lra: {problem}")
    return bool(problems)


def _look(settings: Settings) -> tuple[tuple[ServerConfig, ...], set[str], dict[str, list[str]]]:
    from lra.tools.mcp import allowed
    from lra.tools.mcp.config import find_servers
    from lra.tools.mcp.group import seen_tools

    found = find_servers(settings)
    for problem in found.problems:
        notices.say(f"lra: {problem}")
    tools: dict[str, list[str]] = {}
    for tool in seen_tools(settings):
        tools.setdefault(tool.source, []).append(tool.name)
    return found.servers, allowed.needs_yes(list(found.servers)), tools


def _one(settings: Settings, name: str) -> ServerConfig:
    servers, _, _ = _look(settings)
    for server in servers:
        if server.name == name:
            return server
    known = ", ".join(each.name for each in servers) or "none"
    raise NotFoundError(f"There is no MCP server {name!r}.", hint=f"Known are: {known}.")


async def _check(settings: Settings, name: str | None) -> list[dict[str, Any]]:
    from lra.tools.mcp.group import open_group

    await asyncio.to_thread(lambda: settings.home.mkdir(mode=0o700, parents=True, exist_ok=True))
    group = await open_group(settings, only=name)
    if group is None:
        return []
    try:
        for server in group.servers:
            await server.settled()
        return [_found(server) for server in group.servers]
    finally:
        await group.close()


def _found(server: McpServer) -> dict[str, Any]:
    problem = server.problem
    if server.state == "waiting":
        problem = f"it waits for your yes: lra mcp allow {server.name}"
    tools = [{"name": offer.name, "description": offer.description} for offer in server.offers.values()]
    return {"name": server.name, "state": server.state, "problem": problem, "tools": tools, "left_out": server.notes}


def _tell(found: dict[str, Any]) -> None:
    problem = f": {found['problem']}" if found["problem"] else ""
    output.write(f"{found['name']}: {found['state']}{problem}")
    for tool in found["tools"]:
        output.write(f"  {tool['name']}  {tool['description'].strip().partition(chr(10))[0]}")
    for note in found["left_out"]:
        output.write(f"  ! {note}")
