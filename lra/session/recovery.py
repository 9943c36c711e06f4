"""After a crash: closing what was open, so that the session continues as if it had been interrupted."""

from __future__ import annotations

import asyncio

from lra.session.history import interrupted_entry, open_calls, partial_entries, user_entry
from lra.store import Entry, StructuredMemoryStore
from lra.store.inbox import Inbox
from lra.text import clean_text


async def recover_turns(store: StructuredMemoryStore, session_id: str) -> list[str]:
    """Close every turn of a session that was running when its process died.

    The text that had been streamed becomes an interrupted answer; a tool without a result is marked as
    interrupted with unknown effects.

    Returns:
        Sentences for the person, one for each turn that was closed.
    """
    notices = []
    for turn in await store.journal.turns(session_id):
        if turn.outcome is not None:
            continue
        rows = await store.journal.rows(session_id, turn_id=turn.id)
        entries: list[Entry] = partial_entries(await store.journal.streamed(turn.id))
        calls = open_calls(rows)
        entries += [interrupted_entry(call) for call in calls]
        await store.journal.finish_turn(
            turn.id, outcome="interrupted", entries=entries, error="The process ended while the turn was running."
        )
        tools = ", ".join(call.tool_name for call in calls)
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
    for path, lines in await asyncio.to_thread(inbox.orphans):
        created: str | None = None
        for line in lines:
            text = clean_text(line.text)
            session_id = line.session or created
            session = await store.sessions.create(id=session_id)
            created = session.id
            turn = await store.journal.begin_turn(session.id, user_entry(text, created_at=line.at), model="")
            await store.journal.finish_turn(
                turn.id, outcome="interrupted", error="The process ended before the message was sent."
            )
            notices.append(f"A message that was typed but not sent is kept in session {session.id}.")
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return notices
