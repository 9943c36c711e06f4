"""`lra run`: talk with an agent of one's own, with every option of `lra chat`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from lra.cli.chat import ChatCommand, chat, start

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})


def _with_options_of_chat(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `lra chat` behind its own; one list of them is enough."""
    own = [each for each in inspect.signature(function, eval_str=True).parameters.values() if each.name != "values"]
    options = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(chat, eval_str=True).parameters.values()
    ]
    own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    function.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in [*own, *options]} | {"return": None}
    return function


@app.command("run", cls=ChatCommand)
@_with_options_of_chat
def run(
    path: Path = typer.Argument(Path("."), metavar="PATH", help="The agent's folder, its agent.py or its main.py."),
    own_memory: bool = typer.Option(
        False, "--own-memory", help="Give it a record of its own: it neither sees nor adds to your memory."
    ),
    **values: Any,
) -> None:
    """Talk with an agent of your own, or take one turn with -p."""
    from lra.agent.folders import AgentFolder

    # What is missing is said at once, and not behind a prompt.
    agent = AgentFolder(path)
    text, no_memory = values.pop("text"), values.pop("no_memory")
    start(
        text=text,
        print_mode=text is not None,
        memory=not no_memory,
        agent=str(agent.file),
        own_memory=own_memory,
        **values,
    )
