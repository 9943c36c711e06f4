"""Writing memories: checked for secrets and echoes, held against what is there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TypedDict

from lra.errors import UsageError
from lra.memory import secrets
from lra.memory.hits import Write
from lra.memory.loops import EchoRefusedError, Recollection, echo_of
from lra.memory.readings import reading
from lra.store import NewMemory, StructuredMemoryStore

__all__ = ["Particulars", "Write", "Writer"]

_BY_A_MODEL = frozenset({"tool", "extraction"})
"""Who may only repeat what it was shown."""


class Particulars(TypedDict, total=False):
    """What few memories have."""

    agent: str | None
    """The only agent that may see it."""
    local_only: bool
    """Whether no model elsewhere may see it."""
    confidence: float
    """From 0 to 1, how sure it is."""
    valid_from: int | None
    """From when it holds, in microseconds UTC; from now on by default."""
    valid_to: int | None
    """Until when it holds."""
    tool_call_id: str | None
    """The call of a tool that wrote it."""
    quote: str
    """The words of a message that it was taken from; they are forgotten with it."""
    allow_secret: bool
    """Whether it may hold a key, token, password or card number."""


class Writer:
    """Writes into the record what may be written.

    Args:
        store: The record.
        recalled: What was put in front of the model.
    """

    def __init__(self, store: StructuredMemoryStore, recalled: Recollection) -> None:
        self._store = store
        self._recalled = recalled

    async def remember(self, new: NewMemory, more: Particulars) -> Write:
        """Write a memory; see `Memory.remember`."""
        new = replace(
            new,
            agent=more.get("agent"),
            local_only=more.get("local_only", False),
            confidence=more.get("confidence", 1.0),
            valid_from=more.get("valid_from"),
            valid_to=more.get("valid_to"),
            tool_call_id=more.get("tool_call_id"),
        )
        if not new.content:
            raise UsageError("There is nothing to remember: the text is empty.")
        if not 0 <= new.confidence <= 1:
            raise UsageError(f"The confidence {new.confidence} is not between 0 and 1.")
        if new.source == "summary":
            # Nobody can be asked; what was said of it stays.
            new = replace(new, content=await asyncio.to_thread(secrets.repeatable, new.content))
        elif not more.get("allow_secret"):
            await _refuse_secrets(new.content)
        if new.source in _BY_A_MODEL and new.session_id is not None and (echo := await self._echo(new)) is not None:
            return echo
        if (quote := more.get("quote")) and not await asyncio.to_thread(secrets.kinds_of, quote):
            new = replace(new, metadata={**new.metadata, "quote": quote})
        done = await self._store.memories.write(new, reading(new.content, new.kind))
        return Write(done.record, done.action, tuple(done.contradicts), tuple(done.replaced))

    async def _echo(self, new: NewMemory) -> Write | None:
        """Return the memory that a text only repeats, unless it is news or the person's own."""
        session_id = new.session_id or ""
        recalled = self._recalled.of(session_id)
        found = await self._store.database.query(
            lambda connection: echo_of(connection, session_id, new.content, recalled)
        )
        if found is None:
            return None
        if not found.memory:
            raise EchoRefusedError(found.id)
        record = (await self._store.memories.by_ids([found.id])).get(found.id)
        return Write(record, "merged", echo=True) if record else None

    async def edit(self, memory_id: str, content: str, *, allow_secret: bool, actor: str) -> Write:
        """Replace a memory's text; see `Memory.edit`."""
        if not content:
            raise UsageError("A memory cannot be edited to nothing.", hint="`lra memory forget` removes it.")
        record = await self._store.memories.get(memory_id)
        if record.source == "summary":
            content = await asyncio.to_thread(secrets.repeatable, content)
        elif not allow_secret:
            await _refuse_secrets(content)
        return Write(await self._store.memories.edit(record.id, content, actor=actor), "edited")


async def _refuse_secrets(content: str) -> None:
    kinds = await asyncio.to_thread(secrets.kinds_of, content)
    if kinds:
        raise secrets.SecretRefusedError(kinds)
