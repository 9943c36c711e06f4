"""Commands about the program: help, tools, model, cost, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lra.chat.commands.registry import registry, unknown
from lra.chat.render import dollars
from lra.chat.table import counted, rows

if TYPE_CHECKING:
    from lra.chat.app import Chat

_KEYS = [
    ("Enter", "send"),
    ("Alt-Enter, or \\ at the end", "new line"),
    ("Up, Ctrl-R", "earlier lines, search in them"),
    ("Ctrl-C", "stop the answer; at the prompt, give the line up"),
    ("Ctrl-D", "leave"),
    ("//text", "send a message that begins with a slash"),
]


@registry.command("help", "[COMMAND]", aliases=("?",))
async def show_help(chat: Chat, args: str) -> None:
    """Show the commands and keys."""
    screen = chat.screen
    if command := registry.get(args.lstrip("/")) if args else None:
        screen.line(f"/{command.name} {command.usage}".rstrip(), "title")
        screen.line(f"  {command.help}.")
        return
    if args:
        screen.line(unknown(args.lstrip("/")), "warning")
        return
    screen.line("Write a message and press Enter. What you tell is remembered across sessions and folders.")
    screen.line("Commands", "title")
    for line in rows([(f"/{item.name} {item.usage}", item.help) for item in registry], screen.columns):
        screen.line(line)
    screen.line("Keys", "title")
    for line in rows(_KEYS, screen.columns):
        screen.line(line)
    if chat.model_name == "offline":
        screen.line("The offline model follows rules: say help to see which. A provider key brings a language model.")


@registry.command("tools")
async def show_tools(chat: Chat, args: str) -> None:
    """List what the model can call."""
    session = await chat.ready()
    table = [(tool.name, tool.source, tool.description) for tool in session.tools()]
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)


@registry.command("model", "[NAME]")
async def choose_model(chat: Chat, args: str) -> None:
    """Show the model, or answer with another from now on."""
    session = await chat.ready()
    if args:
        await session.set_model(args)
        chat.screen.line(f"Answering with {session.model_name} from now on.", "good")
    else:
        chat.screen.line(f"Answering with {session.model_name}. Change it with /model provider:model, or offline.")


@registry.command("cost")
async def show_cost(chat: Chat, args: str) -> None:
    """Show what this conversation has used."""
    usage = await (await chat.ready()).usage()
    price = "no known price" if usage.cost is None else dollars(usage.cost)
    table = [
        ("cost", price),
        ("turns", f"{usage.turns:,} with {counted(usage.requests, 'model request')}"),
        ("tokens", f"{usage.input_tokens:,} in, {usage.output_tokens:,} out"),
    ]
    if usage.context_window:
        full = usage.context_tokens / usage.context_window
        table.append(("context", f"about {usage.context_tokens:,} of {usage.context_window:,} tokens ({full:.0%})"))
    for line in rows(table, chat.screen.columns):
        chat.screen.line(line)


@registry.command("exit", aliases=("quit", "q"))
async def leave(chat: Chat, args: str) -> None:
    """Leave; the conversation is kept."""
    chat.leaving = True
