"""After a crash: closing what was open, so that the session continues as if it had been interrupted."""

from __future__ import annotations

import asyncio
from collections import Counter

from lra.session.history import interrupted_entry, open_calls, partial_entries, user_entry
from lra.store import Entry, StructuredMemoryStore
from lra.store.inbox import Inbox, Line
from lra.text import clean_text


async def recover_turns(store: StructuredMemoryStore, session_id: str) -> list[str]:
    """Close every turn of a session that was running when its process died.

    The text that had been streamed becomes an interrupted answer; a tool without a result is marked as
    interrupted with unknown effects.

    Returns:
        Sentences for the person, one for each turn that was closed.
    """
    notices: list[str] = []
    for turn in await store.journal.turns(session_id):
        if turn.outcome is not None:
            continue
        if not notices:
            # Its specialists ended with it; the person is told of the turn alone.
            for below in await store.sessions.below(session_id):
                await recover_turns(store, below.id)
        rows = await store.journal.rows(session_id, turn_id=turn.id)
        entries: list[Entry] = partial_entries(await store.journal.streamed(turn.id))
        calls = open_calls(rows)
        entries += [interrupted_entry(call) for call in calls]
        await store.journal.finish_turn(
            turn.id, outcome="interrupted", entries=entries, error="The process ended while the turn was running."
        )
        counts = Counter(call.tool_name for call in calls)
        tools = ", ".join(f"{name} ×{count}" if count > 1 else name for name, count in counts.items())
        effects = f" Interrupted while running, effects unknown: {tools}." if tools else ""
        notices.append(
            f"Turn {turn.number} was cut off by the end of its process; everything received is kept.{effects}"
        )
    return notices


async def drain_inbox(store: StructuredMemoryStore, inbox: Inbox) -> list[str]:
    """Bring lines that were typed but never sent, by processes that are gone, into the record.

    Returns:
        Sentences for the person.
    """
    notices = []
    for path, lines in await asyncio.to_thread(inbox.claim_orphans):
        created: str | None = None
        for line in lines:
            session_id = line.session or created
            session = await store.sessions.create(id=session_id)
            created = session.id
            turn_id = await begin_unsent(store, session.id, line)
            await store.journal.finish_turn(
                turn_id, outcome="interrupted", error="The process ended before the message was sent."
            )
            notices.append(f"A message that was typed but not sent is kept in session {session.id}.")
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return notices


async def settle_held(store: StructuredMemoryStore, inbox: Inbox, session_id: str) -> None:
    """Bring lines that were held while the record was locked into their session, before anything later.

    Raises:
        BusyError: It is still locked; what is not in the record yet stays in the inbox.
    """
    for line in inbox.waiting():
        turn_id = await begin_unsent(store, session_id, line)
        # From here on the record has it: a turn that is left open is closed when the session is opened again.
        await asyncio.to_thread(inbox.remove, line.id)
        await store.journal.finish_turn(
            turn_id, outcome="interrupted", error="The database was locked when the message was sent."
        )


async def begin_unsent(store: StructuredMemoryStore, session_id: str, line: Line) -> int:
    """Open a turn with a line that nobody answers, at the time it was typed; returns the turn's id."""
    entry = user_entry(clean_text(line.text), created_at=line.at)
    return (await store.journal.begin_turn(session_id, entry, model="")).id
