"""Having the terminal to oneself for a moment, while the prompt stands or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prompt_toolkit.application import Application
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from lra.chat.app import Chat


@dataclass(frozen=True, slots=True)
class Streams:
    """The terminal of the prompt."""

    input: Input
    output: Output
    suspend: Callable[[Application[Any]], None]
    """Gives the terminal back to the shell while this application stands on it."""


@asynccontextmanager
async def aside(chat: Chat) -> AsyncIterator[Streams | None]:
    """Put the prompt away for as long as the block runs; it comes back with what stood in it.

    Yields:
        The prompt's terminal; None where there is no prompt that draws.
    """
    if chat.screen.plain:
        chat.screen.end_line()
        yield None
        return
    from prompt_toolkit.input import create_input

    from lra.chat.prompt import Prompt

    prompt = chat.reader
    assert isinstance(prompt, Prompt), "only a plain screen has another reader"
    async with prompt.cover():
        # An input of its own: the prompt may still be waiting for what follows the last key it read.
        source = create_input()
        prompt.reports.follow(source)
        yield Streams(source, prompt.output, prompt.suspend)
