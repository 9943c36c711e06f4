"""What is to be forgotten, in a form that survives the death of the process that forgets it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from lra.store.records import JournalRow, MemoryRecord
from lra.store.redaction import distinctive


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A memory, or a message, with the words that have to go."""

    kind: Literal["memory", "turn"]
    id: str
    content: str
    session_id: str | None
    turn_id: int | None

    @classmethod
    def of(cls, record: MemoryRecord | JournalRow) -> Self:
        """Take a memory or a message."""
        kind: Literal["memory", "turn"] = "memory" if isinstance(record, MemoryRecord) else "turn"
        return cls(
            kind=kind, id=record.id, content=record.content, session_id=record.session_id, turn_id=record.turn_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One request to forget."""

    targets: tuple[Target, ...] = ()
    sessions: tuple[str, ...] = ()
    """Conversations that go as a whole."""
    before: int | None = None
    """Every message from before this moment goes (microseconds, UTC)."""
    typed: tuple[str, ...] = ()
    """What was typed to find it, and goes from the prompt history."""
    files: tuple[str, ...] = ()
    """Prompt histories."""

    @property
    def texts(self) -> list[str]:
        """Texts that must not be anywhere afterwards: those that mean the same wherever they stand."""
        texts = (target.content for target in self.targets)
        return [text for text in dict.fromkeys(texts) if text.strip() and distinctive(text)]

    def ids(self, kind: Literal["memory", "turn"]) -> list[str]:
        """Return the ids of a kind."""
        return list(dict.fromkeys(target.id for target in self.targets if target.kind == kind))

    def to_json(self) -> str:
        """Return the form that is kept until everything is gone."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Erasure | None:
        """Read that form; None when only the log has still to be emptied."""
        value: dict[str, Any] = json.loads(text)
        if not value:
            return None
        return cls(
            targets=tuple(Target(**target) for target in value["targets"]),
            sessions=tuple(value["sessions"]),
            before=value["before"],
            typed=tuple(value["typed"]),
            files=tuple(value["files"]),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What every store says when it is asked again afterwards."""

    left: dict[str, int] = field(default_factory=dict)
    """Name of the store to the number of places where it still holds what was forgotten."""
    notes: tuple[str, ...] = ()
    """Why something is left, and what becomes of it."""

    @property
    def complete(self) -> bool:
        """Whether nothing is left anywhere."""
        return not any(self.left.values())

    def with_store(self, name: str, count: int, notes: Sequence[str] = ()) -> Receipt:
        """Return the receipt with one more store."""
        return Receipt({**self.left, name: self.left.get(name, 0) + count}, (*self.notes, *notes))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"complete": self.complete, "left": self.left, "notes": list(self.notes)}

    def sentences(self) -> list[str]:
        """Return the lines that a person reads."""
        clean = [name for name, count in self.left.items() if not count]
        still = [
            f"{name} ({count} {'place' if count == 1 else 'places'})" for name, count in self.left.items() if count
        ]
        parts = [f"still in {_listed(still, 'and')}"] if still else []
        parts += [f"nothing of it is left in {_listed(clean, 'or')}"] if clean else []
        return [f"Checked afterwards: {'; '.join(parts)}.", *self.notes] if parts else list(self.notes)


def _listed(names: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
