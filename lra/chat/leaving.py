"""Closing a session without keeping the person waiting."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lra.chat.render import Busy
from lra.chat.table import counted
from lra.chat.wording import sentence_of

if TYPE_CHECKING:
    from lra.chat.app import Chat
    from lra.session import Session

_QUIET = 0.3
"""Seconds after which it is said that something is being saved."""
_LONGEST = 12.0
_RUNTIME = 3.0


async def close_session(chat: Chat, session: Session) -> None:
    """Close a session; Ctrl-C skips what is not needed."""
    task = asyncio.create_task(session.close(summarize=not chat.hurried))
    with chat.interrupts.to(task.cancel):
        done, _ = await asyncio.wait([task], timeout=_QUIET)
        if not done:
            if chat.screen.plain:
                chat.screen.line("Saving; Ctrl-C skips.", "dim")
            else:
                chat.screen.busy(Busy("saving", hint="Ctrl-C skips"))
            done, _ = await asyncio.wait([task], timeout=_LONGEST)
    if not done:
        task.cancel()
        await asyncio.wait([task], timeout=_QUIET)
    chat.screen.busy(None)
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        chat.screen.line(sentence_of(error), "error")


async def leave(chat: Chat) -> None:
    """Close everything, leave the terminal as it was, and say how to come back."""
    _unsent(chat)
    session = chat.session or await chat.current.opening.abandon()
    worth_it = session is not None and bool(chat.turns.taken or session.record.turns)
    if session is not None:
        await close_session(chat, session)
    if chat.current.opening.runtime is not None:
        with suppress(Exception):
            async with asyncio.timeout(_RUNTIME):
                await chat.current.opening.runtime.close()
    # What was entered while the conversation was being kept.
    _unsent(chat)
    if session is not None and worth_it and not chat.scripted:
        chat.screen.line(f"Kept. Come back with: {_program()} chat -r {session.id}", "dim")


def _unsent(chat: Chat) -> None:
    if (unsent := len(chat.pending.clear())) and not chat.hurried:
        them = "it" if unsent == 1 else "them"
        chat.screen.line(f"{counted(unsent, 'queued message')} not sent; Up brings {them} back next time.", "warning")


def _program() -> str:
    """Return what starts this program again: its name, or where it is if the shell does not find that."""
    script = Path(sys.executable).with_name("lra")
    if shutil.which("lra") or not script.exists():
        return "lra"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))
