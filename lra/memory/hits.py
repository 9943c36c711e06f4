"""What memory hands out: hits, results of writes, reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lra.events import RecalledMemory
from lra.store.records import MemoryRecord

if TYPE_CHECKING:
    from lra.memory.talk import Turn

Scope = Literal["memories", "turns", "sessions", "all"]
CLEAR_COSINE = 0.37
"""From here meaning speaks for itself: on a sample of questions to MiniLM, what fits lies above and the rest below."""
SCOPES: tuple[Scope, ...] = ("memories", "turns", "sessions", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One thing found, and why."""

    id: str
    session: str | None
    kind: str
    """A memory's kind, or `turn`, or `session`."""
    content: str
    created_at: str
    score: float
    """From 0 to 1, comparable between queries."""
    signals: dict[str, float]
    namespace: str | None = None
    """Of a memory, where it is known."""
    changed: str = ""
    """Of what was said: which of its words no longer hold, and what does since."""

    @property
    def match(self) -> Literal["words", "meaning", "both"]:
        """By what it was found; `meaning` only where the cosine says so clearly."""
        if self.signals.get("cosine", 0.0) < CLEAR_COSINE:
            return "words"
        return "both" if self.signals.get("coverage") else "meaning"

    def recalled(self) -> RecalledMemory:
        """Return it as the events tell it."""
        return RecalledMemory(
            id=self.id,
            kind=self.kind,
            content=self.content,
            created_at=self.created_at,
            score=self.score,
            signals=dict(self.signals),
            session=self.session,
            changed=self.changed,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON shape of `lra memory search`."""
        return {
            "id": self.id,
            "session": self.session,
            "kind": self.kind,
            "content": self.content,
            "created_at": self.created_at,
            "score": round(self.score, 6),
            "signals": {name: round(value, 6) for name, value in self.signals.items()},
            **({"changed": self.changed} if self.changed else {}),
        }


@dataclass(frozen=True, slots=True)
class Write:
    """What became of something to remember."""

    record: MemoryRecord
    action: Literal["created", "merged", "superseded", "edited", "forgotten"]
    contradicts: tuple[MemoryRecord, ...] = ()
    """Memories in force that say otherwise of the same thing."""
    replaced: tuple[MemoryRecord, ...] = ()
    """Memories whose place it took."""
    echo: bool = False
    """Whether it only repeats what was recalled, and nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStatus:
    """How memory is doing, for people and for `lra doctor`."""

    embedding: str
    """One sentence: which embedder, or why none."""
    embedder_ready: bool
    owner: bool
    """Whether this process keeps the vector index."""
    pending: int
    """Changes that the index has still to learn."""
    memories: int
    indexed: int
    """Texts whose vectors are stored."""
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Candidate:
    """A row on its way to becoming a hit."""

    corpus: Literal["memories", "journal"]
    seq: int
    session: str | None
    lexical: float = 0.0
    signals: dict[str, float] = field(default_factory=dict)
    score: float = 0.0
    turn: Turn | None = None
    """What is known of it in its conversation."""
