"""What an examination of memory finds, of the record and of the indexes alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

EXAMPLES = 3
"""Examples that are shown of each finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one thing stands: how many rows it concerns, a few of them, and what helps."""

    name: str
    """What was looked at, in a word."""
    count: int = 0
    """Rows that are not as they should be."""
    detail: str = ""
    """One sentence for a person."""
    examples: Sequence[str] = ()
    """Ids, or the beginnings of texts; never a secret."""
    fix: str = ""
    """The command or step that helps."""
    fixable: bool = False
    """Whether `lra memory doctor --fix` takes care of it."""

    @property
    def sound(self) -> bool:
        """Whether there is nothing to do."""
        return not self.count

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "examples": list(self.examples), "ok": self.sound}
