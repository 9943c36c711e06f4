"""Loading a person's agent beside the event loop, with a limit: its file is code that may never end."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from lra.agent.custom import pointed
from lra.errors import ConfigError

if TYPE_CHECKING:
    from lra.agent.custom import Definition
    from lra.agent.folders import AgentFolder

LONGEST = 60.0
"""Seconds that loading may take; large packages need a while."""


async def load_folder(folder: AgentFolder, longest: float = LONGEST) -> Definition:
    """Run an agent's file in a thread that neither the loop nor the end of the process waits for.

    Args:
        folder: The agent.
        longest: Seconds it may take.

    Raises:
        ConfigError: It cannot be loaded, or not in time; the sentence names the line.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Definition] = loop.create_future()

    def tell(definition: Definition | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        elif definition is not None:
            done.set_result(definition)

    def work() -> None:
        definition, problem = None, None
        try:
            definition = folder.load()
        except Exception as error:
            problem = error
        except BaseException as error:
            # As a KeyboardInterrupt that the file itself raises: here it is a mistake like any other.
            problem = ConfigError(f"The agent cannot be loaded. {pointed(error, folder.folder)}.")
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(tell, definition, problem)

    thread = threading.Thread(target=work, name="agent-file", daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(longest):
            return await done
    except TimeoutError:
        place = _place(thread, folder)
        raise ConfigError(f"The agent cannot be loaded. {place} still runs after {longest:g} s.") from None
    finally:
        if not done.done() or done.cancelled():
            _end(thread)


def _place(thread: threading.Thread, folder: AgentFolder) -> str:
    """Return the line of the agent's own files that a thread is at."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        if frame.f_code.co_filename.startswith(str(folder.folder)):
            return f"{frame.f_code.co_filename.removeprefix(str(folder.folder)).lstrip('/')}, line {frame.f_lineno},"
        frame = frame.f_back
    return folder.file.name


def _end(thread: threading.Thread) -> None:
    """Make Python code in a thread end where it is; what waits inside the system goes with the process."""
    import ctypes

    if thread.is_alive() and thread.ident:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
