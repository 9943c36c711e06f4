"""What is sent along with a message: files as text or as they are, memories and conversations as text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """One thing that goes to the model beside the message itself; `text` or `data` is set."""

    name: str
    """What the person called it: a path, `memory:ID` or `session:ID`."""
    media_type: str
    """MIME type, `text/plain` for text."""
    data: bytes | None = None
    """The content as it is, for images and documents."""
    text: str | None = None
    """The content as text, ready to be put behind the message."""
    size: str = ""
    """How much it is, in words, where that is not the length of what goes along."""
    label: str = ""
    """What a title says instead of its name, where that is an id."""
