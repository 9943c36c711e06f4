"""Standard error: the only module of the command line that writes to it."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import TextIOWrapper

from lra.errors import LraError
from lra.text import printable, revealed


def prepare() -> None:
    """Make sure that no text can fail to print."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """Print a sentence for the person."""
    # A closed standard error must not hide the exit code.
    with suppress(OSError, ValueError):
        print(printable(text), file=sys.stderr, flush=True)


def error(problem: LraError) -> None:
    """Print an error with its hint."""
    say(f"lra: {problem}")


def ask(question: str) -> str:
    """Ask on the terminal and return the answer; the end of input counts as an empty one."""
    print(revealed(printable(question)), end=" ", file=sys.stderr, flush=True)
    try:
        return input().strip()
    except EOFError:
        print(file=sys.stderr)
        return ""


def ask_secret(question: str) -> str:
    """Ask for something that must not be shown while it is typed."""
    import getpass

    try:
        return getpass.getpass(f"{question} ", stream=sys.stderr).strip()
    except EOFError:
        print(file=sys.stderr)
        return ""


def interactive() -> bool:
    """Tell whether a person can be asked."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False
