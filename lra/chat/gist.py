"""The gist of a tool's result in one line; the whole of it is a command away."""

from __future__ import annotations

import json
from typing import Any

_WRONG = ("error", "traceback", "message")
_SAID = ("stdout", "result", "output", "text", "stderr")
_NAMED = ("content", "title", "name", "path", "id")
_READ = 200_000
"""Characters up to which a result is worth reading for its gist."""


def gist(content: str) -> str:
    """Return what a result says; the text itself when it has no structure that is known.

    Args:
        content: A tool's result, JSON or not.
    """
    text = content.strip()
    if text[:1] not in {"{", "["} or len(text) > _READ:
        return content
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return content
    if isinstance(value, list):
        return _of_list(value) or content
    return (_of_object(value) if isinstance(value, dict) else "") or content


def _of_object(value: dict[str, Any]) -> str:
    if wrong := next((value[name] for name in _WRONG if isinstance(value.get(name), str) and value[name]), ""):
        # The last line of a traceback says what went wrong.
        return str(wrong).strip().rpartition("\n")[2]
    said = [str(value[name]).strip() for name in _SAID if isinstance(value.get(name), str | int | float)]
    if text := " · ".join(part for part in said if part):
        return text
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    return _of_list(lists[0]) if len(lists) == 1 else ""


def _of_list(value: list[Any]) -> str:
    if not value:
        return "nothing"
    first = value[0]
    if isinstance(first, dict):
        first = next((first[name] for name in _NAMED if isinstance(first.get(name), str) and first[name]), None)
    if not isinstance(first, str):
        return f"{len(value)} found"
    more = f" … and {len(value) - 1} more" if len(value) > 1 else ""
    return f"“{first.strip()}”{more}"
