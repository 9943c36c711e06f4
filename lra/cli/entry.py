"""The process around a command: private files, exit codes, and no traceback on anybody's terminal."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from lra.cli import notices
from lra.errors import ExitCode, LraError
from lra.text import one_line

if TYPE_CHECKING:
    import typer


def main() -> NoReturn:
    """Run the command line and end the process with its exit code."""
    # Everything the program writes is the user's alone.
    os.umask(0o077)
    code = _run()
    if "lra.cli.logfile" in sys.modules:
        from lra.cli import logfile

        logfile.finish()
    # The collector would look at every object once more before the process ends, for 0.2 s and nothing.
    gc.freeze()
    sys.exit(code)


def _run() -> int:
    from lra.cli import output

    output.prepare()
    notices.prepare()
    try:
        code = _command()
        # What is still buffered could fail at interpreter exit, where Python prints a traceback of its own.
        if sys.stdout is not None:
            sys.stdout.flush()
    except LraError as error:
        notices.error(error)
        code = int(error.exit_code)
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        output.close_quietly()
        code = int(ExitCode.FAILED)
    except Exception as error:
        code = int(ExitCode.FAILED)
        if output.refused(error):
            output.close_quietly()
            reason = getattr(error, "strerror", None) or str(error)
            notices.say(f"lra: Standard output cannot be written: {one_line(reason)}.")
        else:
            import logging

            from lra.cli import logfile
            from lra.cli.crash import report

            logfile.install()
            logging.getLogger("lra.cli").error("a defect", exc_info=error)
            notices.say(report(error))
    return code


def _command() -> int:
    import typer

    from lra.cli import completing
    from lra.cli.stdin import is_terminal

    if completing.wanted():
        return completing.complete()
    try:
        if sys.argv[1:] in ([], ["chat"]) and is_terminal():
            # Parsing options imports pydantic; the most common start has none and goes straight to the prompt.
            from lra.cli.chat import start

            start(print_mode=False)
        from lra.cli.app import command

        result = command().main(prog_name="lra", standalone_mode=False)
    except typer.Abort:
        return int(ExitCode.INTERRUPTED)
    except typer.TyperException as error:
        _explain(error)
        return error.exit_code
    except typer.Exit as end:
        return end.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return result if isinstance(result, int) else int(ExitCode.OK)


def _explain(error: typer.TyperException) -> None:
    """Say what is wrong with the command line; an error without a message has printed help instead."""
    from lra.cli.mistakes import sentence

    if said := sentence(error, sys.argv[1:]):
        notices.say(f"lra: {said}")
