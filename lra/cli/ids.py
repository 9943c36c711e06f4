"""Ids for the shell to complete, with what they stand for: quick, and silent whatever is wrong."""

from __future__ import annotations

import os
import unicodedata
from contextlib import closing, suppress

_MOST = 60
_LABEL = 60
_SECONDS = 0.3
# Shells evaluate what they are given as descriptions: nothing but words gets through, whoever wrote them.
_ALLOWED = frozenset(" .,-_/+%@\u200d")


def session_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the sessions whose id begins so, latest first, with their titles."""
    return _find("SELECT id, title FROM sessions", "1", "updated_at DESC", incomplete)


def memory_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the memories in force whose id begins so, newest first."""
    return _find("SELECT id, content FROM memories", "superseded_by IS NULL", "seq DESC", incomplete)


def task_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the tasks whose id begins so, newest first."""
    return _find("SELECT id, title FROM tasks", "1", "seq DESC", incomplete)


def open_task_ids(incomplete: str) -> list[tuple[str, str]]:
    """Return the tasks still to be done whose id begins so, newest first."""
    return _find("SELECT id, title FROM tasks", "status IN ('pending', 'in_progress')", "seq DESC", incomplete)


def _find(query: str, condition: str, order: str, incomplete: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    # Whatever is wrong: a shell that completes is no place for a message.
    with suppress(Exception):
        rows = _rows(
            f"{query} WHERE substr(id, 1, ?) = ? AND {condition} ORDER BY {order} LIMIT {_MOST}",
            (len(incomplete), incomplete),
        )
        found = [(key, label(text)) for key, text in rows if key == label(key)]
    if len(found) > 1 and os.environ.get("_LRA_COMPLETE") == "complete_bash":
        # Bash has no descriptions. Several candidates are only listed, so that theirs may stand beside them.
        return [(f"{key}  {text}".rstrip(), "") for key, text in found]
    return found


def _rows(query: str, parameters: tuple[object, ...]) -> list[tuple[str, str]]:
    import sqlite3
    from urllib.parse import quote

    from lra.config import load_settings

    path = load_settings().database_url.partition(":///")[2]
    with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, timeout=_SECONDS)) as connection:
        return [(str(key), str(text)) for key, text in connection.execute(query, parameters)]


def label(text: str) -> str:
    """Return the words of a text on one short line, without anything that means something to a shell."""
    kept = (char if char in _ALLOWED or _is_word(char) else " " for char in text[:1000])
    line = " ".join("".join(kept).split())
    return line if len(line) <= _LABEL else line[: _LABEL - 1].rstrip() + "…"


def _is_word(char: str) -> bool:
    """Tell whether a character is a letter, a digit or a picture such as an emoji; brackets are none."""
    kind = unicodedata.category(char)
    return kind[0] in "LMN" or kind == "So"
