"""Answering a shell that completes a command line."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

VARIABLE = "_LRA_COMPLETE"
"""Set by the scripts that `--install-completion` and `--show-completion` give to shells."""


def wanted() -> bool:
    """Tell whether a shell asks, rather than a person."""
    return VARIABLE in os.environ


def complete() -> int:
    """Print what can come next; returns the exit code. Nothing is said about errors."""
    # A message in the middle of somebody's command line helps nobody.
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (it lives as long as the process)
    try:
        _join_equals()
        from lra.cli.app import command

        command().main(args=[], prog_name="lra", complete_var=VARIABLE)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except Exception:
        return 1
    return 0


def careful(install: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap what writes into a shell's own files, so that it leaves them alone where it could only spoil them."""

    def checked(ctx: Any, param: Any, value: Any) -> Any:
        if not value or ctx.resilient_parsing:
            return install(ctx, param, value)
        from lra.errors import LraError
        from lra.store.room import full_disk, is_full

        home = Path.home()
        if is_full(home):
            # The file is written anew in place: on a full disk nothing would be left of it.
            raise full_disk(home, "Your shell's files were left as they are; free some space on it and try again.")
        try:
            try:
                return install(ctx, param, value)
            finally:
                _answer_at_once(home / ".zfunc" / "_lra")
        except OSError as error:
            if error.filename is None:
                raise
            raise LraError(
                f"{error.filename} cannot be written: {error.strerror}.",
                hint="`lra --show-completion` prints what teaches your shell.",
            ) from error

    return checked


def _answer_at_once(script: Path) -> None:
    """Let zsh's script answer the key on which it is loaded, which would do nothing otherwise."""
    with suppress(OSError):
        text = script.read_text(encoding="utf-8")
        name = re.search(r"^(\w+)\(\) \{", text, re.MULTILINE)
        if name and "funcstack" not in text:
            call = f'if [ "$funcstack[1]" = "_lra" ]; then {name[1]} "$@"; fi'
            script.write_text(f"{text.rstrip()}\n{call}\n", encoding="utf-8")


def _join_equals() -> None:
    """Take the `=` of `--option=value`, which bash makes a word of its own, out of its words."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    position = os.environ.get("COMP_CWORD", "")
    if not position.isdecimal():
        return
    at = int(position)
    kept = [
        index
        for index, word in enumerate(words)
        if not (word == "=" and 0 < index < at and words[index - 1].startswith("--"))
    ]
    os.environ["COMP_WORDS"] = "\n".join(words[index] for index in kept)
    os.environ["COMP_CWORD"] = str(at - sum(index not in kept for index in range(at)))
