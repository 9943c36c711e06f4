"""The root command and the list of all commands.

A command's module is imported when the command is used: help reads this list alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from lra import __version__
from lra.cli import output
from lra.cli.completing import careful
from lra.cli.helping import describe, readable

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("lra.cli.init", "Set up this folder: model, key, and where memory lives."),
    "chat": ("lra.cli.chat", "Talk, or take one turn with -p."),
    "run": ("lra.cli.run", "Talk with an agent of your own: a folder, or an agent.py."),
    "create-agent": ("lra.cli.create_agent", "Make a folder with an agent of your own."),
    "list-agents": ("lra.cli.list_agents", "List the agents here and yours, and the specialists."),
    "config": ("lra.cli.config", "Show every setting and where it came from."),
    "doctor": ("lra.cli.doctor", "Check that everything works, and say what to do where it does not."),
    "list-memory": ("lra.cli.overview", "Show the turns, tasks, summaries and memories that are kept."),
    "logs": ("lra.cli.logs", "Show the log: warnings, errors, failures of models."),
    "mcp": ("lra.cli.mcp", "Use the tools of MCP servers, and serve memory and tasks to other agents."),
    "memory": ("lra.cli.memory", "Add, search, change and forget memories."),
    "sandbox": ("lra.cli.sandbox", "Serve, list, stop and check the sandboxes that code runs in."),
    "sessions": ("lra.cli.sessions", "List, read, search, replay, rename, export and delete conversations."),
    "list-tools": ("lra.cli.tool_list:list_app", "List the tools a model can call, and how they were used."),
    "inspect-tool": ("lra.cli.tool_list:inspect_app", "Show one tool: what it takes, its code, tests and grants."),
    "create-tool": ("lra.cli.tool_writing:create_app", "Write a tool of your own, or take one from a Python file."),
    "validate-tool": ("lra.cli.tool_writing:validate_app", "Try the tools of a Python file in a sandbox."),
    "export-tools": ("lra.cli.tool_writing:export_app", "Write the tools into a module that runs without lra."),
    "tools": ("lra.cli.tools", "Edit, disable, enable and delete written tools, and see their history."),
    "tasks": ("lra.cli.tasks", "List, add and finish tasks."),
}
"""Name to the module that defines it as `app`, or as what stands behind a colon, and the line that help shows."""


def load(place: str) -> Any:
    """Import a command.

    Args:
        place: Its module, and behind a colon the name of its app where that is not `app`.
    """
    module, _, name = place.partition(":")
    return readable(typer.main.get_command(getattr(import_module(module), name or "app")))


_COMPLETION = {
    "install_completion": "Teach your shell to complete commands, options and ids.",
    "show_completion": "Print what would teach it, to look at or to keep elsewhere.",
}
_ROOT_OPTIONS = {"-h", "--help", "--version", "--install-completion", "--show-completion"}


class LazyGroup(TyperGroup):
    """A group that knows its commands' names and imports their modules on use."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order in which they are listed."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command; while help is printed, only its name and its line."""
        if cmd_name not in COMMANDS:
            return None
        module, summary = COMMANDS[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=summary)
        command = load(module)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print help without importing any command."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return names for a shell without importing any command; options are those of `chat` too."""
        self._listing = True
        try:
            found = super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False
        if incomplete.startswith("-"):
            known = {item.value for item in found}
            of_chat = self.get_command(ctx, "chat").shell_complete(ctx, incomplete)
            found += [item for item in of_chat if item.value not in known]
        return found

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, with a suggestion for a misspelt one."""
        self.commands = dict.fromkeys(COMMANDS) if args and args[0] not in COMMANDS else {}  # type: ignore[assignment]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read options given without a command, such as `lra -c`, as those of `chat`."""
        if args and args[0].startswith("-") and args[0] != "--" and args[0].partition("=")[0] not in _ROOT_OPTIONS:
            args = ["chat", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="lra",
    cls=LazyGroup,
    help="A chat agent that remembers.\n\nWithout a command it starts a conversation, with the options of `lra chat`"
    " (`lra -c` goes on with the latest); piped text is answered in one turn.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        output.write(f"lra {__version__}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_version, help="Show the version."),
) -> None:
    """A chat agent that remembers."""
    if ctx.invoked_subcommand is None:
        from lra.cli.chat import start
        from lra.cli.stdin import is_terminal

        start(print_mode=not is_terminal())


def command() -> Any:
    """Return the root command, built once per process."""
    whole = readable(typer.main.get_command(app))
    describe(whole, _COMPLETION)
    for param in whole.params:
        if param.name == "install_completion":
            param.callback = careful(param.callback)
    return whole
