"""What tests of the offline model share: a moment, the model at that moment, what a search found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lra.agent.offline import OfflineModel

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def offline() -> OfflineModel:
    """Return the model, at that moment."""
    return OfflineModel(clock=lambda: NOW)


def asked(text: str) -> list[dict[str, Any]]:
    """Return a history of one message."""
    return [{"kind": "request", "parts": [{"part_kind": "user-prompt", "content": text}]}]


def hits(*contents: str, kind: str = "fact") -> list[dict[str, Any]]:
    """Return texts as a search finds them."""
    return [
        {"id": str(i), "kind": kind, "content": content, "created_at": "2026-11-19T10:00:00+00:00", "score": 0.5}
        for i, content in enumerate(contents)
    ]
