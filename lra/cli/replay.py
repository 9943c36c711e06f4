"""`lra sessions replay`: a conversation as the chat showed it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from lra.cli import notices
from lra.cli.options import SessionId
from lra.cli.work import with_store
from lra.errors import NotFoundError, UsageError
from lra.text import one_line

if TYPE_CHECKING:
    from lra.chat.replay import Recording
    from lra.chat.screen import Screen
    from lra.store import SessionRecord, StructuredMemoryStore


def replay(
    session_id: SessionId,
    speed: Annotated[
        float | None,
        typer.Option(
            "--speed",
            metavar="TIMES",
            min=0.01,
            max=1000,
            help="So many times as fast as it happened; at once by default.",
        ),
    ] = None,
    until: Annotated[int | None, typer.Option("--until", min=1, metavar="N", help="Stop after turn N.")] = None,
    since: Annotated[int, typer.Option("--from-turn", min=1, metavar="N", help="Begin with turn N.")] = 1,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", metavar="NAME", help="Let this model answer again, and say where its answers differ."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --model: print JSON instead of text.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="No colour, no redrawing: for screen readers and logs.")
    ] = False,
) -> None:
    """Show a conversation again as the chat showed it.

    With --model its messages are answered again, each after the conversation as it was then. Tools give back what
    they gave then and do nothing; nothing is written.
    """
    if until is not None and until < since:
        raise UsageError(f"--until {until} comes before --from-turn {since}.")
    if model is not None:
        from lra.cli.rerun import run_again

        run_again(session_id, model, since=since, until=until, as_json=as_json)
        return
    if as_json:
        raise UsageError("--json needs --model.", hint="`lra sessions show ID --json` prints the conversation.")

    async def work(store: StructuredMemoryStore) -> tuple[SessionRecord, list[Recording]]:
        from lra.chat.replay import read_recordings

        session = await store.sessions.resolve(session_id)
        return session, await read_recordings(store, session.id, until)

    session, recordings = with_store(work)
    last = max((each.turn.number for each in recordings if each.turn), default=0)
    if since > max(1, last):
        hint = f"The last is {last}." if last else "It has none."
        raise NotFoundError(f"The session has no turn {since}.", hint=hint)
    recordings = [each for each in recordings if (each.turn.number if each.turn else 1) >= since]
    from lra.chat.replay import replay as show
    from lra.chat.screen import check_taken

    screen = _screen(plain)
    screen.line(f"{one_line(session.title, 200) or 'Untitled'} ({session.id})", "title")
    screen.line()
    show(recordings, screen, speed=speed)
    check_taken(screen)
    if not recordings:
        notices.say("Nothing was said in it.")


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
