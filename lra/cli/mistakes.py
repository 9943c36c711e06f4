"""What is wrong with a command line, in words that are ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lra.text import one_line


def sentence(error: Any, args: Sequence[str]) -> str:
    """Return what to say about a mistake: what it is, and where help is; empty where help was printed instead.

    Args:
        error: What the command line's parser raised.
        args: What was written behind `lra`.
    """
    message = one_line(_message(error), 1000)
    if not message:
        return ""
    end = "" if message.endswith((".", "?")) else "."
    return f"{message}{end} See `{_command(error, args)} --help`."


def _message(error: Any) -> str:
    param, said = getattr(error, "param", None), _value(error)
    if param is None or said is None:
        return str(error.format_message()).replace("Value error, ", "")
    name = " / ".join(param.opts) if param.param_type_name == "option" else param.display_name_raw
    return f"{name}: {said}"


def _value(error: Any) -> str | None:
    """Return what is wrong with a value, or None where the parser's words will do."""
    problems = getattr(error.__cause__, "errors", None)
    if problems is None:
        return None
    first = problems()[0]
    kind, given, bounds = first["type"], first["input"], first.get("ctx", {})
    match kind:
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"{given!r} is no whole number."
        case "float_parsing" | "float_type":
            return f"{given!r} is no number."
        case "greater_than_equal":
            return f"{given} is too little; it takes {_bound(bounds['ge'])} or more."
        case "less_than_equal":
            return f"{given} is too much; it takes {_bound(bounds['le'])} or less."
        case _:
            return None


def _bound(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number}"


def _command(error: Any, args: Sequence[str]) -> str:
    context = getattr(error, "ctx", None)
    if context is not None:
        return str(context.command_path)
    # The parser does not say in which command a value was missing.
    from lra.cli.app import COMMANDS, command

    words = [arg for arg in args[:2] if not arg.startswith("-")]
    if not words or words[0] not in COMMANDS or args[0] != words[0]:
        return "lra chat" if args and args[0].startswith("-") else "lra"
    below = getattr(command().get_command(None, words[0]), "commands", {})
    return " ".join(["lra", words[0], *(word for word in words[1:] if word in below)])
