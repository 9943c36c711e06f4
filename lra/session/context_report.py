"""What fills the context window, part by part."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model
from pydantic_ai.toolsets import AbstractToolset

from lra.agent.build import default_instructions
from lra.agent.context import CHARS_PER_TOKEN, FULL, part_chars, window_of
from lra.agent.instructions_files import FolderInstructions
from lra.agent.recall_block import format_block
from lra.events import RecalledMemory
from lra.session.context import SessionContext
from lra.store import StructuredMemoryStore
from lra.store.clock import iso
from lra.tools.catalogue import function_tools
from lra.tools.mcp.toolset import servers_in
from lra.tools.skills import skills_in

PartName = Literal[
    "instructions",
    "tools",
    "summary",
    "user",
    "assistant",
    "thinking",
    "tool_calls",
    "tool_results",
    "other",
    "recalled",
]
_LABELS: dict[PartName, str] = {
    "instructions": "instructions",
    "tools": "tool definitions",
    "summary": "summary of earlier turns",
    "user": "your messages",
    "assistant": "answers",
    "thinking": "thoughts",
    "tool_calls": "tool calls",
    "tool_results": "tool results",
    "other": "other",
    "recalled": "recalled memories",
}
_KINDS: dict[str, PartName] = {
    "user-prompt": "user",
    "text": "assistant",
    "thinking": "thinking",
    "tool-call": "tool_calls",
    "tool-return": "tool_results",
}
_SUMMARY_MESSAGES = 2
"""Messages that stand for the summary in a shortened history."""


@dataclass(frozen=True, slots=True)
class ContextPart:
    """One kind of content in the window."""

    name: PartName
    tokens: int
    """Estimated."""
    count: int
    """How many messages, tools or memories."""

    @property
    def label(self) -> str:
        """The name a person reads."""
        return _LABELS[self.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextReport:
    """The context window and what fills it; tokens are estimates."""

    model: str
    window: int
    shortened_from: int
    """Tokens of history from which older turns are summarised."""
    parts: list[ContextPart]
    """What there is, in the order in which it is sent."""

    @property
    def used(self) -> int:
        """Tokens of all parts."""
        return sum(part.tokens for part in self.parts)

    @property
    def free(self) -> int:
        """Tokens that are left."""
        return max(0, self.window - self.used)


async def report(
    store: StructuredMemoryStore,
    session_id: str,
    context: SessionContext,
    toolsets: Sequence[AbstractToolset[Any]],
    *,
    model: Model,
    model_name: str,
    capabilities: Sequence[AbstractCapability[Any]] = (),
) -> ContextReport:
    """Return what the next request would send, with the memories that were recalled for the last turn.

    Args:
        store: The record.
        session_id: Which session.
        context: Its history.
        toolsets: What the model can call.
        model: The model that answers.
        model_name: Its name.
        capabilities: What else goes with the agent, such as the instructions of folders.
    """
    history = await context.messages()
    chars: Counter[PartName] = Counter()
    counts: Counter[PartName] = Counter()

    def add(name: PartName, size: int, count: int = 1) -> None:
        chars[name] += size
        counts[name] += count

    add("instructions", len(default_instructions()))
    for tool in function_tools(toolsets):
        definition = tool.tool_def
        schema = json.dumps(definition.parameters_json_schema)
        add("tools", len(definition.name) + len(definition.description or "") + len(schema))
    for offer in (offer for server in servers_in(toolsets) for offer in server.offers.values()):
        add("tools", len(offer.name) + len(offer.description) + len(json.dumps(offer.schema)))
    for skill in skills_in(toolsets):
        add("instructions", len(skill.name) + len(skill.description), 0)
    for each in capabilities:
        if isinstance(each, FolderInstructions):
            add("instructions", len(await asyncio.to_thread(each.text)), len(each.files))
    if context.summary:
        add("summary", _size(history[:_SUMMARY_MESSAGES]))
        history = history[_SUMMARY_MESSAGES:]
    for message in history:
        for part in message.parts:
            add(_KINDS.get(part.part_kind, "other"), part_chars(part))
    recalled = await _recalled(store, session_id)
    if recalled:
        add("recalled", len(format_block(recalled)), len(recalled))
    window = window_of(model)
    return ContextReport(
        model=model_name,
        window=window,
        shortened_from=int(window * FULL),
        parts=[ContextPart(name, -(-chars[name] // CHARS_PER_TOKEN), counts[name]) for name in _LABELS if counts[name]],
    )


def _size(messages: Sequence[ModelMessage]) -> int:
    return sum(part_chars(part) for message in messages for part in message.parts)


async def _recalled(store: StructuredMemoryStore, session_id: str) -> list[RecalledMemory]:
    """Return what was put beside the last message, as far as it is still there."""
    turns = await store.journal.turns(session_id)
    ids = turns[-1].recalled if turns else []
    memories, rows = await store.memories.by_ids(ids), await store.journal.by_ids(ids)
    found = [(record.id, record.kind, record.content, record.created_at) for record in memories.values()]
    found += [(row.id, "turn", row.content, row.created_at) for row in rows.values()]
    return [
        RecalledMemory(id=key, kind=kind, content=content, created_at=iso(at), score=0.0)
        for key, kind, content, at in found
    ]
