"""What the record holds, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from lra.store.clock import iso

Role = Literal["user", "assistant", "tool", "system"]
TaskStatus = Literal["pending", "in_progress", "done", "cancelled"]
TASK_STATUSES: tuple[TaskStatus, ...] = ("pending", "in_progress", "done", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecord:
    """One conversation."""

    id: str
    title: str
    title_source: str
    model: str
    agent: str
    folder: str
    origin: str
    parent_id: str | None
    created_at: int
    updated_at: int
    summarized_seq: int
    compaction: str | None
    private: int = 0
    """1 while it is held without memory: nothing said then is found elsewhere."""
    turns: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `lra sessions list`."""
        return {
            "id": self.id,
            "title": self.title,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "turns": self.turns,
            "model": self.model,
            "folder": self.folder,
            "parent_id": self.parent_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """One exchange: a message of the person and everything that followed from it."""

    id: int
    session_id: str
    number: int
    model: str
    outcome: str | None
    started_at: int
    ended_at: int | None
    requests: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost: float | None
    recalled: list[str]
    remembered: list[str]
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A journal row to be written."""

    role: Role
    content: str
    payload: str | None = None
    """JSON of one Pydantic AI message with this row's parts."""
    speaker: str | None = None
    tool_name: str | None = None
    tool_call_id: str | None = None
    outcome: str | None = None
    created_at: int | None = None
    id: str | None = None
    searchable: bool = True
    """Whether search may find it, if it was spoken at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A journal row as it stands."""

    seq: int
    id: str
    session_id: str
    turn_id: int | None
    role: Role
    speaker: str | None
    content: str
    payload: str | None
    tool_name: str | None
    tool_call_id: str | None
    outcome: str | None
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryRecord:
    """One memory as it stands."""

    seq: int
    id: str
    namespace: str
    kind: str
    content: str
    key: str | None
    tags: list[str]
    pin: bool
    confidence: float
    count: int
    source: str
    session_id: str | None
    turn_id: int | None
    created_at: int
    updated_at: int
    valid_from: int | None
    valid_to: int | None
    superseded_by: str | None
    metadata: dict[str, Any] = field(default_factory=dict)
    agent: str | None = None
    """The only agent that may see it; None: every agent."""
    local_only: bool = False
    """Whether only models on this machine may see it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, times as ISO 8601."""
        return {
            "id": self.id,
            "kind": self.kind,
            "content": self.content,
            "key": self.key,
            "tags": self.tags,
            "pin": self.pin,
            "confidence": self.confidence,
            "count": self.count,
            "source": self.source,
            "session": self.session_id,
            "turn": self.turn_id,
            "namespace": self.namespace,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "valid_from": iso(self.valid_from) if self.valid_from is not None else None,
            "valid_to": iso(self.valid_to) if self.valid_to is not None else None,
            "superseded_by": self.superseded_by,
            "metadata": self.metadata,
            "agent": self.agent,
            "local_only": self.local_only,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """A memory to be written."""

    content: str
    kind: str = "fact"
    key: str | None = None
    tags: tuple[str, ...] = ()
    pin: bool = False
    confidence: float = 1.0
    source: str = "user"
    namespace: str = "default"
    session_id: str | None = None
    turn_id: int | None = None
    created_at: int | None = None
    valid_from: int | None = None
    valid_to: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    id: str | None = None
    agent: str | None = None
    local_only: bool = False
    tool_call_id: str | None = None


AUTHORS = {
    "user": "the person",
    "tool": "the model",
    "summary": "lra, as a summary",
    "extraction": "the model, after the conversation",
    "import": "an import",
}
"""Who writes into memory, as it is told to people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One change of a memory."""

    seq: int
    memory_id: str
    action: str
    content: str
    actor: str
    process: str
    session_id: str | None
    turn_id: int | None
    at: int
    tool_call_id: str | None = None
    undone: bool = False
    """Whether it was taken back."""
    was: str | None = None
    """JSON of the columns it replaced, without the text."""

    @property
    def fields(self) -> list[str]:
        """What was changed besides the text, such as `pin` and `tags`."""
        return sorted(json.loads(self.was)) if self.was and self.action == "changed" else []

    @property
    def what(self) -> str:
        """What happened, in a word or two."""
        if not self.fields or self.was is None:
            return self.action
        pinning = "unpinned" if json.loads(self.was).get("pin") else "pinned"
        if self.fields == ["pin"]:
            return pinning
        return f"{self.action} ({', '.join(pinning if name == 'pin' else name for name in self.fields)})"

    @property
    def by(self) -> str:
        """Who did it, as it is told to people."""
        return AUTHORS.get(self.actor, self.actor)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, the time as ISO 8601."""
        return {
            "memory_id": self.memory_id,
            "action": self.action,
            "fields": self.fields,
            "content": self.content,
            "actor": self.actor,
            "process": self.process,
            "session": self.session_id,
            "turn": self.turn_id,
            "tool_call": self.tool_call_id,
            "undone": self.undone,
            "at": iso(self.at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """One task; tasks outlive the session they came from."""

    id: str
    title: str
    description: str
    status: TaskStatus
    session_id: str | None
    created_at: int
    updated_at: int
    metadata: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `lra tasks list`."""
        return {
            "id": self.id,
            "title": self.title,
            "status": self.status,
            "description": self.description,
            "session": self.session_id,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
            "metadata": self.metadata,
        }
