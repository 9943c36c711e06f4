"""The terminal front: prompt, rendering, slash commands, print mode."""

from __future__ import annotations

import os
import sys

from lra.chat.options import ChatOptions
from lra.errors import LraError

__all__ = ["ChatOptions", "run"]


def run(options: ChatOptions) -> int:
    """Hold one conversation, or one turn of it in print mode.

    Args:
        options: What was asked for on the command line.

    Returns:
        The exit code.

    Raises:
        LraError: The conversation could not be opened.
    """
    if sys.stdout is None:
        raise LraError(
            "Standard output is closed, so nothing was asked or answered.",
            hint="Leave it open; `>/dev/null` throws an answer away.",
        )
    # The terminal is ours: a library's advertisement has no place in it.
    os.environ.setdefault("PYDANTIC_AI_NO_BANNER", "1")
    if options.print_mode:
        from lra.chat.print_mode import run_print

        return run_print(options)
    from lra.chat.app import run_chat

    return run_chat(options)
