"""Tools for long-term memory and past conversations."""

from __future__ import annotations

from typing import Any

from pydantic_ai import FunctionToolset, RunContext

from lra.errors import UsageError
from lra.events import MemoryWritten
from lra.store.clock import iso
from lra.text import clean_text
from lra.tools.deps import AgentDeps

MAX_RESULTS = 20
KINDS = ("fact", "preference", "instruction", "summary", "event")


async def search_memory(ctx: RunContext[AgentDeps], query: str, limit: int = 5) -> list[dict[str, Any]]:
    """Search everything remembered: facts, preferences, summaries and past conversations of all sessions.

    Args:
        query: What to look for, in words.
        limit: How many results at most, 1 to 20.
    """
    # The question itself is in the journal by now, and would be the best match for its own words.
    hits = await ctx.deps.require_memory().search(
        query, limit=max(1, min(limit, MAX_RESULTS)), until=ctx.deps.turn_started
    )
    return [
        {
            "id": hit.id,
            "kind": hit.kind,
            "content": hit.content,
            "created_at": hit.created_at,
            "session": hit.session,
            "score": round(hit.score, 3),
            "match": hit.match,
        }
        for hit in hits
    ]


async def write_memory(
    ctx: RunContext[AgentDeps], content: str, memory_type: str = "fact", key: str | None = None
) -> str:
    """Remember one fact, preference or instruction beyond this conversation.

    Args:
        content: The fact, in the person's own words.
        memory_type: fact, preference, instruction, event or summary.
        key: Name of the attribute when its value can change, such as user.name; a new value replaces the old.
    """
    deps = ctx.deps
    text = clean_text(content).strip()
    if not text:
        raise UsageError("There is nothing to remember: the content is empty.")
    await deps.ensure_session()
    written = await deps.require_memory().remember(
        text,
        kind=memory_type.strip().lower() or "fact",
        key=key or None,
        source="tool",
        session_id=deps.session_id,
        turn_id=deps.turn_id,
    )
    record = written.record
    deps.remembered.append(record.id)
    deps.tell(MemoryWritten(id=record.id, action=written.action, kind=record.kind, content=record.content))
    match written.action:
        case "merged":
            return f"Already in memory (id={record.id})"
        case "superseded":
            return f"Stored in memory (id={record.id}); it replaces an earlier value"
        case _:
            return f"Stored in memory (id={record.id})"


async def get_recent_conversations(
    ctx: RunContext[AgentDeps], limit: int = 10, all_sessions: bool = False
) -> list[dict[str, Any]]:
    """Read the latest lines of conversation, oldest first.

    Args:
        limit: How many lines at most, 1 to 100.
        all_sessions: Whether to read other sessions too, instead of only this one.
    """
    rows = await ctx.deps.structured_store.journal.recent(
        max(1, min(limit, 100)), session_id=None if all_sessions else ctx.deps.session_id
    )
    return [
        {
            "role": row.role,
            "content": row.content,
            "timestamp": iso(row.created_at),
            "session_id": row.session_id,
        }
        for row in rows
    ]


def memory_toolset() -> FunctionToolset[AgentDeps]:
    """Return the memory tools as a Pydantic AI toolset."""
    return FunctionToolset([search_memory, write_memory, get_recent_conversations], id="memory")
