"""`lra logs`: what went wrong, and when."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lra.cli import logfile, notices, output
from lra.cli.options import HELP, Json, at_most
from lra.errors import LraError, UsageError

app = typer.Typer(add_completion=False, context_settings=HELP)

_HEAD = re.compile(r"(\S+Z) ([A-Z]+) (\S+) \[(\d+)\] (.*)")
_POLL = 0.3


@app.command("logs")
def logs(
    limit: Annotated[int, at_most("Only the last so many entries.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added; Ctrl-C ends it.")] = False,
    path: Annotated[bool, typer.Option("--path", help="Print only where the log is.")] = False,
    as_json: Json = False,
) -> None:
    """Show the log: warnings, errors, failures of models and indexes; nothing that was said, and no secrets."""
    file = logfile.folder() / logfile.NAME
    if path:
        output.write(str(file))
        return
    if follow and as_json:
        raise UsageError("--follow prints lines, no JSON document.", hint="Leave out one of them.")
    # Taken before the entries are read, so that nothing falls between.
    end = file.stat().st_size if file.exists() else 0
    entries = read_entries(file)[-limit:]
    if as_json:
        output.write_json(entries)
        return
    for entry in entries:
        _print(entry)
    if not entries and not follow:
        notices.say("The log is empty.")
    if follow:
        for line in _added(file, end):
            output.write_now(line)


def _print(entry: dict[str, Any]) -> None:
    stamp = output.when(entry["at"])
    output.write(f"{stamp} {entry['level']} {entry['logger']} [{entry['process']}] {entry['message']}")
    for line in entry["trace"]:
        output.write(f"    {line}")


def read_entries(file: Path) -> list[dict[str, Any]]:
    """Return what the log holds, oldest first.

    Raises:
        LraError: A file cannot be read.
    """
    entries: list[dict[str, Any]] = []
    older = [file.with_name(f"{file.name}.{number}") for number in range(logfile.KEPT, 0, -1)]
    for part in [*older, file]:
        try:
            text = part.read_text("utf-8", "replace")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise LraError(f"{part} cannot be read: {error.strerror}.") from error
        for line in text.splitlines():
            if match := _HEAD.fullmatch(line):
                at, level, logger, process, message = match.groups()
                entry = {"at": at, "level": level, "logger": logger, "process": int(process), "message": message}
                entries.append(entry | {"trace": []})
            elif entries:
                entries[-1]["trace"].append(line.strip())
    return entries


def _added(file: Path, end: int) -> Iterator[str]:
    """Give lines as they are added, also to the file that takes the place of a full one."""
    rest = b""
    inode = None
    while True:
        try:
            state = file.stat()
        except FileNotFoundError:
            time.sleep(_POLL)
            continue
        if inode is not None and state.st_ino != inode:
            end = 0
        inode = state.st_ino
        if state.st_size > end:
            with file.open("rb") as opened:
                opened.seek(end)
                added = opened.read()
            end += len(added)
            *lines, rest = (rest + added).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in lines)
        time.sleep(_POLL)
