"""Who reads what a search finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """A model that is shown hits."""

    session_id: str | None = None
    """In which session; what it was shown there is no news when it comes back."""
    local: bool = False
    """Whether it runs on this machine, and may see local-only memories."""
