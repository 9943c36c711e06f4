"""What an examination of the indexes finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one thing stands: how many rows are not as they should be, a few of them, and what helps."""

    name: str
    """What was looked at, in a word or two."""
    what: str
    """What was counted, as a sentence without its end; of a sound thing, how it stands."""
    count: int = 0
    examples: tuple[str, ...] = ()
    fix: str = ""
    """The command that helps; empty when there is nothing to do."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "what": self.what,
            "count": self.count,
            "examples": list(self.examples),
            "fix": self.fix,
        }
