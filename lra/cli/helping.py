"""How a command's help shows its options and arguments: by names, without Python's words for types."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup

_VALUES = {int: "N", float: "NUMBER"}


def readable(command: Any) -> Any:
    """Have a command and those below it show their options and arguments as people write them; returns it."""
    names = command.context_settings.get("help_option_names", ["-h", "--help"])
    if command.help:
        # A line break within a paragraph of the source is none for whoever reads it.
        command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", command.help)
    help_option = command.get_help_option(typer.Context(command, help_option_names=names))
    for param in [*command.params, *([help_option] if help_option is not None else [])]:
        _readable(param)
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            readable(below)
    return command


def _readable(param: Any) -> None:
    if isinstance(param, TyperArgument):
        usage = (param.metavar or param.name.upper()) + ("" if param.nargs == 1 else "...")
        param.metavar = usage
        # Its name says what it is; the type beside it would be read as something to write.
        _replace(param, "display_type_rich", lambda **_: None)
        _replace(param, "get_usage_pieces", functools.partial(_pieces, usage if param.required else f"[{usage}]"))
        return
    # Limits stand in the help's words where a person can run into them, and in the message when one did.
    param.min = param.max = None
    if param.is_flag:
        param.metavar = ""
    elif param.metavar is None:
        choices = param.type_descriptor.choices if param.type_descriptor.is_choice else None
        param.metavar = (
            "|".join(map(str, choices)) if choices else _VALUES.get(param.type_descriptor.annotation, "TEXT")
        )


def _replace(param: Any, method: str, by: Any) -> None:
    setattr(param, method, by)


def _pieces(usage: str, _context: Any) -> list[str]:
    return [usage]


def describe(command: Any, texts: Mapping[str, str]) -> None:
    """Give options that a library adds to a command texts of ours, by the options' names."""
    for param in command.params:
        param.help = texts.get(param.name, param.help)
