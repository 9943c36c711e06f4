"""`lra sessions replay`: a conversation as the chat showed it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli.options import SessionId
from lra.cli.work import with_store
from lra.text import clean_text, one_line

if TYPE_CHECKING:
    from lra.chat.replay import Recording
    from lra.chat.screen import Screen
    from lra.store import SessionRecord, StructuredMemoryStore


def replay(
    session_id: SessionId,
    speed: Annotated[
        float | None,
        typer.Option("--speed", min=0.01, max=1000, help="So many times as fast as it happened; at once by default."),
    ] = None,
    until: Annotated[int | None, typer.Option("--until", min=1, metavar="N", help="Stop after turn N.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="No colour, as in plain mode.")] = False,
) -> None:
    """Show a conversation again as the chat showed it."""

    async def work(store: StructuredMemoryStore) -> tuple[SessionRecord, list[Recording]]:
        from lra.chat.replay import read_recordings

        session = await store.sessions.resolve(clean_text(session_id))
        return session, await read_recordings(store, session.id, until)

    session, recordings = with_store(work)
    from lra.chat.replay import replay as show
    from lra.chat.screen import check_taken

    screen = _screen(plain)
    screen.line(f"{one_line(session.title, 200) or 'Untitled'} ({session.id})", "title")
    screen.line()
    show(recordings, screen, speed=speed)
    check_taken(screen)


def _screen(plain: bool) -> Screen:
    from lra.chat.screen import Screen, wants_plain

    if wants_plain(plain, sys.stdout):
        return Screen(plain=True, on_gone=_gone)
    from lra.chat.live_screen import LiveScreen
    from lra.chat.queue import Pending

    # Without a prompt there is no live area: finished lines alone are written.
    return LiveScreen(pending=Pending(), on_gone=_gone)


def _gone() -> None:
    raise BrokenPipeError
