"""Tags as people write them."""

from __future__ import annotations

from collections.abc import Iterable


def tags_in(words: Iterable[str]) -> list[str]:
    """Return the tags in some words, each once: commas part them, and neither commas nor a # belong to one."""
    parts = (part.strip().lstrip("#").strip() for word in words for part in word.split(","))
    return list(dict.fromkeys(part for part in parts if part))
