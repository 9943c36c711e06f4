"""Options that mean the same in every command, and the checks they share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from lra.cli import notices
from lra.cli.ids import session_ids
from lra.errors import RefusedError, UsageError
from lra.text import clean_text

HELP = {"help_option_names": ["-h", "--help"]}


def as_text(value: Any) -> Any:
    """Clean what names something in the record: bytes of another encoding on a command line are no name there."""
    if isinstance(value, str):
        return clean_text(value)
    return value if value is None else [clean_text(each) for each in value]


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before it is done.")]
SessionOption = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        metavar="ID",
        help="Only what belongs to this session.",
        autocompletion=session_ids,
        callback=as_text,
    ),
]
FromSession = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        metavar="ID",
        help="The session it came from.",
        autocompletion=session_ids,
        callback=as_text,
    ),
]
SessionId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="The session's id, or its beginning.", autocompletion=session_ids, callback=as_text
    ),
]


def at_most(sentence: str) -> Any:
    """Return the option `--limit`, described so in help."""
    return typer.Option("--limit", "-n", min=1, max=1_000_000, help=sentence)


def confirm(question: str, yes: bool) -> None:
    """Ask for a yes unless it was given on the command line.

    Raises:
        RefusedError: The person said no, or nobody can be asked.
    """
    if yes:
        return
    if not notices.interactive():
        raise RefusedError(f"{question} Nobody is here to say yes.", hint="Repeat the command with --yes.")
    if notices.ask(f"{question} [y/N]").lower() not in {"y", "yes"}:
        raise RefusedError("Nothing was changed.")


def replaced(path: str) -> str:
    """Ask before a file is replaced, where somebody can be asked; returns what to say of it behind its name.

    Raises:
        RefusedError: The person said no.
    """
    from lra.cli.files import is_stream

    if path == "-" or not os.path.isfile(path) or is_stream(Path(path)):
        return ""
    if notices.interactive():
        confirm(f"{path} is there already. Replace it?", False)
    return ", in place of the file that was there"


def required_text(text: str, what: str) -> str:
    """Return text from the command line, cleaned.

    Raises:
        UsageError: It is blank.
    """
    cleaned = clean_text(text).strip()
    if not cleaned:
        raise UsageError(f"{what} is empty.")
    return cleaned


def required_moment(text: str, what: str) -> int:
    """Return a date or time that has to be given; `yesterday` is its last moment, `today` and `now` are now.

    Raises:
        UsageError: It is none.
    """
    from lra.store.clock import parse_moment

    return _read(parse_moment, text, what)


def moment(text: str | None, option: str) -> int | None:
    """Return a date or time from the command line as microseconds since the epoch.

    Raises:
        UsageError: It is no ISO 8601 date or date-time.
    """
    if text is None:
        return None
    from lra.store.clock import parse_time

    return _read(parse_time, text, option)


def _read(parse: Callable[[str], int], text: str, what: str) -> int:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{what} {text!r} is no date or time.", hint="Write it as 2026-01-31 or 2026-01-31T18:00."
        ) from None
