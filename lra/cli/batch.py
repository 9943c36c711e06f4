"""Queries as JSON lines, for `lra memory search --batch`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lra.errors import UsageError
from lra.store.clock import parse_time
from lra.text import clean_text

SCOPES = ("memories", "turns", "sessions", "all")


@dataclass(frozen=True, slots=True)
class Query:
    """One line."""

    qid: object
    text: str
    options: dict[str, Any] = field(default_factory=dict)


def parse_queries(text: str, name: str) -> list[Query]:
    """Parse every line before the first one is answered.

    Args:
        text: The lines; blank ones are skipped.
        name: The file, for messages.

    Raises:
        UsageError: A line is no query; the message names it.
    """
    queries = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                queries.append(_parse(json.loads(line)))
            except (ValueError, RecursionError) as error:
                place = "standard input" if name == "-" else name
                raise UsageError(f"Line {number} of {place} is no query: {error}.") from None
    return queries


def _parse(value: object) -> Query:
    if not isinstance(value, dict):
        raise ValueError("it must be a JSON object")
    if "qid" not in value:
        raise ValueError("it has no qid")
    query = value.get("query")
    if not isinstance(query, str) or not query.strip():
        raise ValueError("query must be a text that is not empty")
    options: dict[str, Any] = {}
    if (scope := value.get("scope")) is not None:
        if scope not in SCOPES:
            raise ValueError(f"scope must be one of {', '.join(SCOPES)}")
        options["scope"] = scope
    if (limit := value.get("limit")) is not None:
        if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= 1_000_000:
            raise ValueError("limit must be a whole number from 1 to 1000000")
        options["limit"] = limit
    for name in ("since", "until", "as_of"):
        if (moment := value.get(name)) is not None:
            options[name] = _time(name, moment)
    if (session := value.get("session")) is not None:
        if not isinstance(session, str):
            raise ValueError("session must be a text")
        options["session"] = clean_text(session)
    return Query(value["qid"], clean_text(query), options)


def _time(name: str, value: object) -> int:
    try:
        if isinstance(value, str):
            return parse_time(value)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"{name} must be an ISO 8601 date or time")
