"""Texts that go along with a message, between marks of their own."""

from __future__ import annotations

_OPENS, _CLOSES = "<attachment name=", "</attachment>"


def enclose(name: str, text: str) -> str:
    """Return an attached text between marks that it cannot close itself.

    Args:
        name: What the person called it.
        text: Its content.
    """
    inside = text.replace(_CLOSES[:-1], "< /attachment")
    return f'{_OPENS}"{name.replace(chr(34), chr(39))}">\n{inside}\n{_CLOSES}'


def is_enclosed(item: object) -> bool:
    """Tell whether a piece of a message is an attached text and nothing the person wrote."""
    return isinstance(item, str) and item.startswith(_OPENS)
