"""A tool's result as people read it: its gist in one line, and the whole of it."""

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
    value = _structure(content)
    if isinstance(value, list):
        return _of_list(value) or content
    return (_of_object(value) if isinstance(value, dict) else "") or content


def whole(content: str) -> list[str]:
    """Return all that a result says, as lines; texts within it with their own lines.

    Args:
        content: A tool's result, JSON or not.
    """
    value = _structure(content)
    if not isinstance(value, dict):
        return (content if value is None else _json(value)).splitlines()
    lines = []
    for name, part in value.items():
        first, *rest = (part if isinstance(part, str) else _json(part)).splitlines() or [""]
        if rest:
            lines += [f"{name}:", *(f"  {line}" for line in (first, *rest))]
        else:
            lines.append(f"{name}: {first}".rstrip())
    return lines


def _structure(content: str) -> Any:
    text = content.strip()
    if text[:1] not in {"{", "["} or len(text) > _READ:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _of_object(value: dict[str, Any]) -> str:
    if wrong := next((value[name] for name in _WRONG if isinstance(value.get(name), str) and value[name]), ""):
        first, *rest = str(wrong).strip().split("\n")
        # The last line of a traceback says what went wrong.
        return rest[-1] if rest and first.lstrip().startswith(("Traceback", 'File "')) else first
    trouble = f"exit {value['exit']}" if value.get("exit") else "failed" if value.get("success") is False else ""
    said = [str(value[name]).strip() for name in _SAID if isinstance(value.get(name), str | int | float)]
    if text := " · ".join(part for part in said if part):
        return f"{trouble}: {text}" if trouble else text
    if value and set(value) <= {"success", "exit"}:
        return trouble or "done"
    lists = [entry for entry in value.values() if isinstance(entry, list)]
    return _of_list(lists[0]) if len(lists) == 1 else ""


def _of_list(value: list[Any]) -> str:
    if not value:
        return "nothing"
    first = value[0]
    if isinstance(first, dict) and isinstance(first.get("msg"), str):
        # What was wrong with a call's arguments.
        where = ".".join(str(each) for each in first.get("loc") or ())
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    if isinstance(first, dict):
        first = next((first[name] for name in _NAMED if isinstance(first.get(name), str) and first[name]), None)
    if not isinstance(first, str):
        return f"{len(value)} found"
    more = f" … and {len(value) - 1} more" if len(value) > 1 else ""
    return f"“{first.strip()}”{more}"
