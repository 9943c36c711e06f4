"""What a plan is, and what it may use."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lra.agent.offline.results import Call, Result

Plan = Generator[list[Call], list[Result], str]
"""Yields the calls it needs, is sent their results, returns the text."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the plans may use: the tools offered, the time, and what was said before."""

    tools: Mapping[str, Mapping[str, Any]]
    """JSON schemas of the tools' parameters, by name."""
    now: datetime
    introduced: bool = False
    explained: bool = False
    said: tuple[str, ...] = ()
    """What the person wrote before in this conversation, oldest first."""
    cut: bool = False
    """Whether more was said before that, which is not seen here."""
    answered: str = ""
    """The last answer in this conversation."""
    asked: tuple[str, ...] = ()
    """What the person wrote now."""
    made: tuple[Call, ...] = ()
    """The calls of this turn that have results."""

    def days_ago(self, days: int | None, weekday: int | None) -> int | None:
        """Return how many days ago it was: so many, or the latest such day of the week before today."""
        return days if weekday is None else (self.now.weekday() - weekday) % 7 or 7

    def end_of(self, days: int) -> datetime:
        """Return the last moment of the day so many days ago."""
        return self.now.replace(hour=23, minute=59, second=59, microsecond=999_999) - timedelta(days=days)

    def takes(self, tool: str, parameter: str) -> bool:
        """Whether a tool has a parameter."""
        properties = self.tools.get(tool, {}).get("properties")
        return isinstance(properties, Mapping) and parameter in properties

    def call(self, tool: str, **args: Any) -> Call:
        """Return a call that keeps to the tool's parameters, their choices and their bounds."""
        properties = self.tools.get(tool, {}).get("properties")
        if not isinstance(properties, Mapping) or not properties:
            return Call(tool, {name: value for name, value in args.items() if value is not None})
        kept: dict[str, Any] = {}
        for name, value in args.items():
            shape = properties.get(name)
            if value is None or not isinstance(shape, Mapping):
                continue
            choices, most = shape.get("enum"), shape.get("maximum")
            if isinstance(choices, list) and value not in choices:
                continue
            kept[name] = min(value, most) if isinstance(value, int) and isinstance(most, int) else value
        return Call(tool, kept)
