"""Commands about the program: help, tools, cost, doctor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry, unknown
from lra.chat.render import Style, dollars
from lra.chat.table import counted, rows
from lra.chat.width import clip
from lra.chat.wording import in_chat
from lra.errors import UsageError

if TYPE_CHECKING:
    from lra.chat.app import Chat

_STYLES: dict[str, Style] = {"ok": "plain", "warn": "warning", "fail": "error"}


@registry.command("help", "[COMMAND]", aliases=("?",), during_turn=True, completes="commands")
async def show_help(chat: Chat, args: str) -> None:
    """Show the commands; with a name, how one is used."""
    screen = chat.screen
    if command := registry.get(args.lstrip("/")) if args else None:
        title, *lines = command.describe()
        screen.line(title, "title")
        for line in lines:
            screen.line(line)
        return
    if args:
        screen.line(unknown(args.lstrip("/")), "warning")
        return
    screen.line("Write a message and press Enter. What you tell is remembered across sessions and folders.")
    table = [(f"/{item.name} {item.usage}", item.help.partition(";")[0]) for item in registry]
    for line in rows(table, screen.columns, whole=True):
        screen.line(line)
    screen.line("/help COMMAND or /COMMAND ? says more, /keys lists the keys. Files go along with @path.", "dim")
    screen.line("//text sends a message that begins with a slash.", "dim")
    if chat.model_name == "offline":
        screen.line("The offline model follows rules: say help to see which. A provider key brings a language model.")


@registry.command("tools", "[NAME]", during_turn=True)
async def show_tools(chat: Chat, args: str) -> None:
    """List what the model can call; with a name, say what one does."""
    tools = (await chat.ready()).tools()
    if not args:
        for line in rows([(tool.name, tool.source, tool.description) for tool in tools], chat.screen.columns):
            chat.screen.line(line)
        return
    for tool in tools:
        if tool.name == args:
            chat.screen.line(f"{tool.name} ({tool.source})", "title")
            chat.screen.line(f"  {tool.description}")
            return
    raise UsageError(f"There is no tool {clip(args, 40)!r}.", hint="/tools lists them.")


@registry.command("cost", during_turn=True)
async def show_cost(chat: Chat, args: str) -> None:
    """Show what this conversation has used, undone turns included."""
    usage = await (await chat.ready()).usage()
    price = "no known price" if usage.cost is None else dollars(usage.cost)
    undone = f" and {usage.undone:,} undone" if usage.undone else ""
    table = [
        ("cost", price),
        ("turns", f"{usage.turns:,}{undone} with {counted(usage.requests, 'model request')}"),
        ("tokens", f"{usage.input_tokens:,} in, {usage.output_tokens:,} out"),
    ]
    if usage.context_window:
        full = usage.context_tokens / usage.context_window
        table.append(("context", f"about {usage.context_tokens:,} of {usage.context_window:,} tokens ({full:.0%})"))
    for line in rows(table, chat.screen.columns, whole=True):
        chat.screen.line(line)


@registry.command("doctor", during_turn=True)
async def check(chat: Chat, args: str) -> None:
    """Check whether everything works; the same as lra doctor."""
    session = await chat.ready()
    from lra.checks import Conversation, check_all

    checks = await asyncio.to_thread(check_all, chat.settings, Conversation(session.model_name))
    for found in checks:
        chat.screen.line(f"{found.status:4}  {found.name:9}  {found.detail}", _STYLES[found.status])
        if found.fix:
            chat.screen.line(f"                 {in_chat(found.fix)}", "dim")
