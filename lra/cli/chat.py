"""`lra chat`: the options of a conversation."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

import typer
from typer.core import TyperCommand

from lra.chat.options import Approve, ChatOptions, OutputFormat
from lra.cli import stdin
from lra.cli.ids import session_ids
from lra.cli.options import as_text
from lra.errors import UsageError
from lra.text import clean_text

app = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})


_VALUED = {"-r", "--resume", "-m", "--model", "--output-format", "--approve", "--max-cost", "--workspace"}
"""Options that something follows."""


class ChatCommand(TyperCommand):
    """A command whose `--print` may stand without a value when the text comes on standard input."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give a lonely `--print` an empty value."""
        known = {"-h", "--help", *(name for param in self.params for name in (*param.opts, *param.secondary_opts))}
        return super().parse_args(ctx, fill_print(args, known))


def fill_print(args: list[str], options: Collection[str]) -> list[str]:
    """Insert an empty text after a `-p` or `--print` that is followed by nothing or by another option."""
    filled: list[str] = []
    takes_value = False
    for position, arg in enumerate(args):
        filled.append(arg)
        if takes_value:
            takes_value = False
            continue
        if arg == "--":
            return filled + args[position + 1 :]
        # `-cp` is `-c -p`; in `-rp` the p is the value of -r.
        if arg == "--print" or (arg.startswith("-") and arg.endswith("p") and not arg.strip("-cp")):
            follower = args[position + 1] if position + 1 < len(args) else None
            if follower is None or follower.partition("=")[0] in options or follower == "--":
                filled.append("")
            else:
                takes_value = True
        elif arg in _VALUED:
            takes_value = True
    return filled


@app.command("chat", cls=ChatCommand)
def chat(  # noqa: PLR0913, PLR0917 - one for each option
    text: str | None = typer.Option(
        None,
        "--print",
        "-p",
        metavar="TEXT",
        help="Answer this once and end. Piped text is added to it, or answered alone.",
    ),
    continue_latest: bool = typer.Option(
        False, "--continue", "-c", help="Go on with the latest session of this folder, or of any when it has none."
    ),
    resume: str | None = typer.Option(
        None,
        "--resume",
        "-r",
        metavar="ID",
        help="Go on with this session; the beginning of its id is enough.",
        autocompletion=session_ids,
        callback=as_text,
    ),
    fork: bool = typer.Option(False, "--fork", help="With --continue or --resume: go on in a copy of that session."),
    model: str | None = typer.Option(
        None, "--model", "-m", metavar="NAME", help="Model to use, as provider:model, or offline."
    ),
    output_format: OutputFormat = typer.Option("text", "--output-format", help="What -p prints."),
    approve: Approve | None = typer.Option(
        None,
        "--approve",
        help="When a tool needs consent: ask, allow it (auto) or refuse it (deny). Without it, ask where a person is.",
    ),
    max_cost: float | None = typer.Option(
        None, "--max-cost", metavar="USD", help="Stop the session when it has cost this much."
    ),
    workspace: str | None = typer.Option(
        None,
        "--workspace",
        metavar="PATH[:ro|rw]",
        help="Work on a copy of this folder; changes are shown after each turn and written on a yes.",
    ),
    no_memory: bool = typer.Option(False, "--no-memory", help="Neither recall nor write memories."),
    plain: bool = typer.Option(False, "--plain", help="No colour, no redrawing: for screen readers and logs."),
) -> None:
    """Talk with the agent, or take one turn with -p."""
    start(
        text=text,
        print_mode=text is not None,
        continue_latest=continue_latest,
        resume=resume,
        fork=fork,
        model=model,
        output_format=output_format,
        approve=approve,
        max_cost=max_cost,
        workspace=workspace,
        memory=not no_memory,
        plain=plain,
    )


def start(*, text: str | None = None, print_mode: bool, **values: Any) -> None:
    """Check the options, start the front and end with its exit code.

    Raises:
        UsageError: Options contradict each other, or there is nothing to answer.
    """
    options = ChatOptions(prompt=None, print_mode=print_mode, **values)
    _check(options)
    _check_workspace(options)
    if print_mode:
        given = "" if text in {None, "-"} else clean_text(text or "")
        piped = bool(given.strip())
        options = ChatOptions(prompt=given if piped else _piped(), piped=piped, print_mode=True, **values)

    from lra.cli.work import quiet_libraries

    quiet_libraries()
    raise typer.Exit(_run(options))


def _run(options: ChatOptions) -> int:
    """Start the front, and note in the log that and how it ended."""
    import logging
    import time

    from lra import __version__
    from lra.chat import run

    logger = logging.getLogger("lra.chat")
    logger.info("lra %s, Python %s: started", __version__, _platform())
    began, code = time.monotonic(), "an error"
    try:
        number = run(options)
        code = f"exit code {number}"
    finally:
        logger.info("ended with %s after %.0f s", code, time.monotonic() - began)
    return number


def _platform() -> str:
    """Return the version of Python and the platform."""
    return f"{sys.version.split()[0]} on {sys.platform}"


def _check(options: ChatOptions) -> None:
    if options.continue_latest and options.resume is not None:
        raise UsageError("--continue and --resume name two sessions.", hint="Use one of them.")
    if options.fork and not options.continue_latest and options.resume is None:
        raise UsageError("--fork needs a session to copy.", hint="Add --continue or --resume ID.")
    if options.output_format != "text" and not options.print_mode:
        raise UsageError(f"--output-format {options.output_format} works with -p only.", hint="Add -p.")
    if options.max_cost is not None and not 0 < options.max_cost < float("inf"):
        raise UsageError("--max-cost must be a number above 0.")


def _check_workspace(options: ChatOptions) -> None:
    if options.workspace is not None:
        from lra.tools.workspace import folder_of

        folder_of(options.workspace)


def _piped() -> str:
    """Return the text to answer, when all of it comes on standard input."""
    text = "" if stdin.is_terminal() else clean_text(stdin.read_all())
    if not text.strip():
        raise UsageError("There is no text to answer.", hint='Write `lra chat -p "TEXT"`, or pipe the text in.')
    return text
