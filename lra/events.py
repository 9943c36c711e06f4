"""Typed events of a turn: the only contract between the session loop and every front.

Plain dataclasses, so that a front can import them before anything heavy is loaded. Readers ignore types and
fields they do not know; `VERSION` rises when the meaning of a field changes.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

VERSION = 1

Outcome = Literal["completed", "interrupted", "failed", "refused", "budget"]
ToolOutcome = Literal["success", "failed", "retried", "denied", "interrupted"]


@dataclass(slots=True, kw_only=True)
class Event:
    """What every event carries; the session fills the three ids."""

    type: ClassVar[str] = "event"
    session_id: str = ""
    turn_id: int = 0
    seq: int = 0
    """Position within the turn, from 1."""
    agent: str = ""
    """The specialist it comes from; empty for the agent that the person talks with."""
    parent: str = ""
    """The tool call that handed the specialist its task."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: `type` and `v` first, then the fields; `agent` and `parent` when set."""
        fields = dataclasses.asdict(self)
        if not self.parent:
            del fields["agent"], fields["parent"]
        return {"type": self.type, "v": VERSION, **fields}

    def to_json(self) -> str:
        """Return the event as one line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, default=str)


@dataclass(slots=True, kw_only=True)
class Usage:
    """Tokens and calls of one turn."""

    requests: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(slots=True, kw_only=True)
class RecalledMemory:
    """One record put in front of the model, and why."""

    id: str
    kind: str
    content: str
    created_at: str
    score: float
    signals: dict[str, float] = field(default_factory=dict)
    session: str | None = None
    changed: str = ""
    """Of what was said: which of its words no longer hold, and what does since."""


@dataclass(slots=True, kw_only=True)
class TurnStarted(Event):
    """The person's message is on disk; the model is asked next."""

    type: ClassVar[str] = "turn_started"
    text: str
    model: str


@dataclass(slots=True, kw_only=True)
class Recalled(Event):
    """Memory was searched for this turn; the list may be empty."""

    type: ClassVar[str] = "recalled"
    memories: list[RecalledMemory]


@dataclass(slots=True, kw_only=True)
class TextDelta(Event):
    """A piece of the answer."""

    type: ClassVar[str] = "text_delta"
    text: str


@dataclass(slots=True, kw_only=True)
class ThinkingDelta(Event):
    """A piece of the model's reasoning, where the provider shows it."""

    type: ClassVar[str] = "thinking_delta"
    text: str


@dataclass(slots=True, kw_only=True)
class ToolStarted(Event):
    """A tool begins to run; its call is on disk."""

    type: ClassVar[str] = "tool_started"
    call_id: str
    name: str
    args: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class ToolProgress(Event):
    """Live output of a running tool."""

    type: ClassVar[str] = "tool_progress"
    call_id: str
    text: str


@dataclass(slots=True, kw_only=True)
class ToolFinished(Event):
    """A tool's result is on disk."""

    type: ClassVar[str] = "tool_finished"
    call_id: str
    name: str
    outcome: ToolOutcome
    content: str
    seconds: float


@dataclass(slots=True, kw_only=True)
class SpecialistStarted(Event):
    """A specialist begins to work; what it writes comes as `ToolProgress` of the call, what it does as events."""

    type: ClassVar[str] = "specialist_started"
    call_id: str
    """The tool call that handed it the task."""
    name: str
    task: str
    model: str
    session: str
    """The conversation its own history is kept in."""


@dataclass(slots=True, kw_only=True)
class SpecialistFinished(Event):
    """A specialist has ended; its answer is the result of the call."""

    type: ClassVar[str] = "specialist_finished"
    call_id: str
    name: str
    session: str
    outcome: Outcome
    usage: Usage
    """What it used; the turn's own usage holds it already."""
    cost: float | None
    error: str | None = None


@dataclass(slots=True, kw_only=True)
class Steered(Event):
    """What the person wrote during the turn goes to the model with its next request."""

    type: ClassVar[str] = "steered"
    text: str


@dataclass(slots=True, kw_only=True)
class MemoryWritten(Event):
    """A memory was added, changed or forgotten."""

    type: ClassVar[str] = "memory_written"
    id: str
    action: Literal["created", "merged", "superseded", "edited", "forgotten"]
    kind: str
    content: str
    replaced: list[str] = field(default_factory=list)
    """What held until now, and no longer does."""


@dataclass(slots=True, kw_only=True)
class TaskChanged(Event):
    """A task was added or its status changed."""

    type: ClassVar[str] = "task_changed"
    id: str
    title: str
    status: str


@dataclass(slots=True, kw_only=True)
class WorkspaceChanged(Event):
    """Files of the person's folder are different in the sandbox; whether they are written is asked next."""

    type: ClassVar[str] = "workspace_changed"
    root: str
    files: list[str]
    """One line for each: its path and what became of it."""
    patch: str
    """All of it as one unified patch."""


@dataclass(slots=True, kw_only=True)
class ApprovalRequested(Event):
    """A tool call waits for consent; answer through the approval port."""

    type: ClassVar[str] = "approval_requested"
    call_id: str
    name: str
    args: dict[str, Any]
    reason: str
    rule: str = ""
    """The rule that a lasting yes would set; empty where only this call can be allowed."""


@dataclass(slots=True, kw_only=True)
class ApprovalResolved(Event):
    """Consent was given or refused."""

    type: ClassVar[str] = "approval_resolved"
    call_id: str
    approved: bool
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Retrying(Event):
    """The provider asked to wait, or was out of reach; the same request is sent again after `seconds`."""

    type: ClassVar[str] = "retrying"
    reason: str
    attempt: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class ModelSwitched(Event):
    """The fallback model takes over for this request."""

    type: ClassVar[str] = "model_switched"
    model: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Compacted(Event):
    """The context was shortened; the journal keeps everything."""

    type: ClassVar[str] = "compacted"
    strategy: Literal["tool_results", "summary"]
    before_tokens: int
    after_tokens: int
    detail: str
    problem: str = ""
    """Why the model made no summary, and rules did; empty otherwise."""


@dataclass(slots=True, kw_only=True)
class Notice(Event):
    """Something the person should know."""

    type: ClassVar[str] = "notice"
    level: Literal["info", "warning", "error"]
    text: str


@dataclass(slots=True, kw_only=True)
class TurnFinished(Event):
    """The turn is closed; always the last event."""

    type: ClassVar[str] = "turn_finished"
    output: str
    outcome: Outcome
    usage: Usage
    cost: float | None
    """US dollars; None when the model has no known price."""
    recalled: list[str]
    remembered: list[str]
    error: str | None = None
    exit_code: int = 0
