"""What a session leaves behind: a title, a summary and, where that is chosen, facts in memory."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic_ai.exceptions import AgentRunError

from lra.agent.names import OFFLINE
from lra.agent.summary import Line, extract, summarize
from lra.memory.secrets import repeatable
from lra.runtime import Runtime
from lra.session.extraction import extract_facts, extract_owed, told

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from lra.store import StructuredMemoryStore

MODEL_SECONDS = 8.0
"""How long closing waits for a model's summary."""
MODEL_TURNS = 3
"""Shorter conversations are summarised by extraction alone."""


async def leave_behind(runtime: Runtime, session_id: str, model: Model | None, *, may_ask: bool) -> None:
    """Leave what later conversations may know of a session that ends.

    Args:
        runtime: The process's shared parts.
        session_id: Which session.
        model: The session's model, where there is time to ask it.
        may_ask: Whether a model may be asked for more than answers, now or later.
    """
    work = [leave_summary(runtime, session_id, model if may_ask else None)]
    if runtime.settings.extract and may_ask:
        work.append(extract_facts(runtime, session_id, model))
    await asyncio.gather(*work)


async def pick_up(runtime: Runtime, *, use_memory: bool) -> list[str]:
    """Begin, in the background, with what earlier processes had no time to leave behind.

    Args:
        runtime: The process's shared parts.
        use_memory: Whether memory is used in the session that begins.

    Returns:
        Sentences for the person: what was picked out of earlier sessions.
    """
    runtime.spawn(summarize_abandoned(runtime))
    if not (runtime.settings.extract and use_memory):
        return []
    if runtime.settings.max_cost is None:
        runtime.spawn(extract_owed(runtime))
    return await told(runtime)


async def leave_summary(runtime: Runtime, session_id: str, model: Model | None) -> None:
    """Write the session's summary, first by extraction, then by the model when there is one worth asking.

    The extractive summary is durable before the model is asked, so stopping here loses nothing.

    Args:
        runtime: The process's shared parts.
        session_id: Which session.
        model: Who may be asked for a better one.
    """
    store = runtime.store
    record = await store.sessions.get(session_id)
    rows = await store.journal.rows(session_id)
    last = max((row.seq for row in rows if row.role == "user"), default=0)
    if last <= record.summarized_seq:
        return
    # The offline model's answers only repeat what is known already.
    roles = {"user"} if record.model == OFFLINE else {"user", "assistant"}
    lines = [Line(row.role, row.content) for row in rows if row.content and row.role in roles]
    text = extract(lines)
    if record.model == OFFLINE and not any(_tells(line.text) for line in lines):
        text = ""
    if text:
        await _remember(runtime, session_id, text)
    await store.sessions.update(session_id, summarized_seq=last)
    if model is None or model.system == "lra" or record.turns < MODEL_TURNS:
        return
    with suppress(AgentRunError, TimeoutError):
        async with asyncio.timeout(MODEL_SECONDS):
            summary = await summarize(model, lines)
        await store.spending.add(session_id, "summary", model.model_name, summary.spent)
        if summary.text:
            await _remember(runtime, session_id, summary.text)
        if summary.title:
            title = await asyncio.to_thread(repeatable, summary.title)
            await store.sessions.set_title(session_id, title, by_user=False)


def _tells(text: str) -> bool:
    """Tell whether a line to the offline model holds anything but a question or a command."""
    return len(text.split()) > 2 and not text.rstrip().endswith(("?", "？", "؟"))


async def _remember(runtime: Runtime, session_id: str, text: str) -> None:
    old = await _current(runtime.store, session_id)
    if old is None:
        await runtime.memory.remember(
            text, kind="summary", key=f"session.{session_id}", source="summary", session_id=session_id
        )
    elif old[1] != text:
        await runtime.memory.edit(old[0], text, source="summary")


async def _current(store: StructuredMemoryStore, session_id: str) -> tuple[str, str] | None:
    found = await store.memories.find(session_id=session_id, kind="summary")
    return next(((record.id, record.content) for record in found if record.key == f"session.{session_id}"), None)


async def summarize_abandoned(runtime: Runtime, limit: int = 5) -> None:
    """Leave summaries for sessions whose process ended before it could."""
    for record in await runtime.store.sessions.unsummarized(limit):
        if runtime.settings.extract and runtime.settings.max_cost is None:
            await extract_facts(runtime, record.id, None)
        await leave_summary(runtime, record.id, None)
