"""Running a command's work against the record or the memory, and letting both go afterwards."""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from lra.cli import logfile, notices

if TYPE_CHECKING:
    from lra.config import Settings
    from lra.memory import Memory
    from lra.store import StructuredMemoryStore

T = TypeVar("T")


def quiet_libraries() -> None:
    """Keep the warnings, logs and thread tracebacks of libraries off the terminal, and in the log.

    What an exception of a background thread says goes to a crash file.
    """
    import threading
    import traceback

    def keep(args: threading.ExceptHookArgs) -> None:
        from lra.cli.crash import save

        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            save("".join(traceback.format_exception(args.exc_value)))

    if not sys.warnoptions:
        warnings.simplefilter("default")
    logging.lastResort = None
    logfile.install()
    threading.excepthook = keep
    sys.unraisablehook = lambda _args: None


def settings(flags: dict[str, str | None] | None = None, *, quiet: bool = False) -> Settings:
    """Return the settings of this folder and say what was ignored in it.

    Args:
        flags: Values from the command line, by variable name.
        quiet: Whether to leave the sentences to the caller.
    """
    from lra.config import load_settings

    loaded = load_settings(flags=flags)
    for sentence in () if quiet else loaded.notices:
        notices.say(f"lra: {sentence}")
    return loaded


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run work to its end in a loop of its own."""
    quiet_libraries()
    return asyncio.run(work)


def with_store(work: Callable[[StructuredMemoryStore], Awaitable[T]]) -> T:
    """Run `work` with the record of this folder's settings."""
    loaded = settings()

    async def job() -> T:
        from lra.store import StructuredMemoryStore

        store = StructuredMemoryStore(loaded.database_url)
        try:
            return await work(store)
        finally:
            await store.close()

    return run(job())


def with_memory(work: Callable[[Memory], Awaitable[T]]) -> T:
    """Run `work` with the long-term memory of this folder's settings."""
    loaded = settings()

    async def job() -> T:
        from lra.runtime import Runtime

        runtime = await Runtime.open(loaded)
        try:
            return await work(runtime.memory)
        finally:
            await runtime.close()

    return run(job())
