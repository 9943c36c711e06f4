"""Sentences that tell a person about memories."""

from __future__ import annotations

from lra.store.records import MemoryRecord
from lra.text import one_line

_SHOWN = 120


def contradiction(new: MemoryRecord, old: MemoryRecord) -> str:
    """Return how two memories that cannot both hold are shown."""
    return (
        f"“{one_line(new.content, _SHOWN)}” ({new.id}) contradicts “{one_line(old.content, _SHOWN)}” ({old.id})."
        " Both are kept; forget or edit the wrong one."
    )
