"""Reading what tools return: lists of records, moments in time, and whether a call went wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from lra.text import one_line

Outcome = Literal["success", "failed", "denied", "interrupted", "retried"]

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_LATEST_NANOSECOND = 1e20
_REFUSALS = (
    "error", "failed", "failure", "unknown", "invalid", "not found", "no such", "no task", "could not", "cannot",
    "can't", "denied", "refused", "not stored", "not allowed", "unable", "task not found", "no sandbox",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call the offline model wants made."""

    tool: str
    args: dict[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The same for the same call, however its arguments are ordered."""
        return json.dumps([self.tool, self.args], sort_keys=True, default=str)


@dataclass(frozen=True, slots=True)
class Result:
    """What came back from a call."""

    outcome: Outcome = "success"
    value: Any = None

    @property
    def text(self) -> str:
        """The result as one short line."""
        value = self.value
        if isinstance(value, dict) and (said := value.get("error") or value.get("message")):
            value = said
        if not isinstance(value, str):
            value = "" if value is None else json.dumps(value, ensure_ascii=False, default=str)
        return one_line(value[:1000], 200)

    @property
    def refusal(self) -> str | None:
        """What the tool said when it returned an error as an ordinary result; None when it did its work."""
        if isinstance(self.value, dict):
            failed = self.value.get("error") or self.value.get("success") is False
            return self.text if failed else None
        if not isinstance(self.value, str):
            return None
        said = self.text
        return said if said.lower().startswith(_REFUSALS) else None


def items(value: Any) -> list[dict[str, Any]]:
    """Return the records in a result: a list, an object holding one list, or the JSON text of either."""
    if isinstance(value, str):
        if value.lstrip()[:1] not in {"[", "{"}:
            return []
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    if isinstance(value, dict):
        lists = [entry for entry in value.values() if isinstance(entry, list)]
        value = lists[0] if len(lists) == 1 else [value]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def moment(value: Any) -> datetime | None:
    """Return a moment given as ISO text, seconds, milli- or microseconds; without a zone it is UTC."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, str):
        try:
            found = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < _LATEST_NANOSECOND:
            return None
        seconds = float(value)
        while abs(seconds) > 1e11:
            seconds /= 1000
        try:
            found = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    else:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def when(value: datetime | None, now: datetime) -> str:
    """Return a moment in plain words, such as "yesterday" or "on 14 March 2026"; empty when unknown."""
    if value is None:
        return ""
    try:
        day = value.astimezone(now.tzinfo).date()
    except (OverflowError, ValueError):
        return ""
    days = (now.date() - day).days
    if days in {0, 1}:
        return ("today", "yesterday")[days]
    if 1 < days < 7:
        return f"{days} days ago"
    return f"on {day.day} {MONTHS[day.month - 1]} {day.year}"
