"""Tools for long-term memory and past conversations."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from pydantic_ai import FunctionToolset, RunContext

from lra.errors import UsageError
from lra.events import MemoryWritten, Notice
from lra.memory.loops import EchoRefusedError
from lra.memory.readers import Reader
from lra.memory.secrets import SecretRefusedError, kinds_of, listed, repeatable
from lra.memory.spaces import USER
from lra.memory.telling import contradiction
from lra.store.clock import iso
from lra.text import clean_text, one_line
from lra.tools.deps import AgentDeps

if TYPE_CHECKING:
    from lra.memory import Write

MAX_RESULTS = 20
_LINE = 2_000
"""Characters of one line of conversation: what was pasted there may be a whole file."""
KINDS = ("fact", "preference", "instruction", "summary", "event")


async def search_memory(
    ctx: RunContext[AgentDeps], query: str, limit: int = 5, stored_only: bool = False
) -> list[dict[str, Any]]:
    """Search everything remembered: facts, preferences, summaries and past conversations of all sessions.

    Args:
        query: What to look for, in words.
        limit: How many results at most, 1 to 20.
        stored_only: Whether to leave out lines and summaries of conversation and search only what was kept.
    """
    # The question itself is in the journal by now, and would be the best match for its own words.
    deps = ctx.deps
    hits = await deps.require_memory().search_for(
        Reader(deps.session_id, deps.local_model),
        query,
        scope="memories" if stored_only else "all",
        limit=max(1, min(limit, MAX_RESULTS)),
        until=deps.turn_started,
        summaries=not stored_only,
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
            **({"changed": hit.changed} if hit.changed else {}),
        }
        for hit in hits
    ]


async def write_memory(
    ctx: RunContext[AgentDeps],
    content: str,
    memory_type: str = "fact",
    key: str | None = None,
    scope: Literal["user", "project"] = "user",
) -> str:
    """Remember one fact, preference or instruction beyond this conversation.

    Args:
        content: The fact, in the person's own words.
        memory_type: fact, preference, instruction, event or summary.
        key: Name of the attribute when its value can change, such as user.name; a new value replaces the old.
        scope: user for what holds everywhere, project for what concerns the present project alone.
    """
    deps = ctx.deps
    text = clean_text(content).strip()
    if not text:
        raise UsageError("There is nothing to remember: the content is empty.")
    await deps.ensure_session()
    memory = deps.require_memory()
    allowed = await _allowed_secret(ctx, text, memory_type, key)
    try:
        written = await memory.remember(
            allowed or text,
            kind=memory_type.strip().lower() or "fact",
            key=key or None,
            source="tool",
            session_id=deps.session_id,
            turn_id=deps.turn_id,
            namespace=await memory.project() if scope == "project" else USER,
            tool_call_id=ctx.tool_call_id,
            allow_secret=allowed is not None,
        )
    except (SecretRefusedError, EchoRefusedError) as refused:
        return refused.told
    record = written.record
    if not written.echo:
        deps.remembered.append(record.id)
    replaced = [before.content for before in written.replaced]
    deps.tell(
        MemoryWritten(id=record.id, action=written.action, kind=record.kind, content=record.content, replaced=replaced)
    )
    for other in written.contradicts:
        deps.tell(Notice(level="warning", text=contradiction(record, other)))
    return _result(written)


async def _allowed_secret(ctx: RunContext[AgentDeps], text: str, memory_type: str, key: str | None) -> str | None:
    """Ask the person, where one can be asked, whether a secret may be kept; returns the text that may."""
    kinds = await asyncio.to_thread(kinds_of, text)
    if not kinds or ctx.deps.approve is None or not ctx.deps.asks_person:
        return None
    args = {"content": text, "memory_type": memory_type, "key": key}
    reason = f"It holds {listed(kinds)}, which would be kept in memory."
    consent = await ctx.deps.consent(ctx.tool_call_id or "", "write_memory", args, reason, lasting=False)
    return str(consent.args.get("content") or text) if consent.approved else None


def _result(written: Write) -> str:
    """Return what the model is told of a write."""
    record = written.record
    if written.echo:
        return f"Not stored: it was recalled from memory (id={record.id}) and is no news."
    match written.action:
        case "merged":
            told = f"Already in memory (id={record.id})"
        case "superseded":
            told = f"Stored in memory (id={record.id}); it replaces an earlier value"
        case _:
            told = f"Stored in memory (id={record.id})"
    for other in written.contradicts:
        told += f". It contradicts memory {other.id}: {one_line(other.content, 200)!r}."
        told += " Both stand; ask the person which is right"
    return told


async def get_recent_conversations(
    ctx: RunContext[AgentDeps], limit: int = 10, all_sessions: bool = False, others_only: bool = False
) -> list[dict[str, Any]]:
    """Read the latest lines of conversation, oldest first.

    Args:
        limit: How many lines at most, 1 to 100.
        all_sessions: Whether to read other sessions too, instead of only this one.
        others_only: Whether to leave out this session, which is in front of you already.
    """
    deps = ctx.deps
    rows = await deps.structured_store.journal.recent(
        max(1, min(limit, 100)),
        session_id=None if all_sessions or others_only else deps.session_id,
        exclude_session=deps.session_id if others_only else None,
    )
    texts = await asyncio.to_thread(lambda: [repeatable(row.content[: 2 * _LINE]) for row in rows])
    return [
        {
            "role": row.role,
            "content": text if len(text) <= _LINE else text[:_LINE] + "…",
            "timestamp": iso(row.created_at),
            "session_id": row.session_id,
        }
        for row, text in zip(rows, texts, strict=True)
    ]


def memory_toolset() -> FunctionToolset[AgentDeps]:
    """Return the memory tools as a Pydantic AI toolset."""
    return FunctionToolset([search_memory, write_memory, get_recent_conversations], id="memory")
