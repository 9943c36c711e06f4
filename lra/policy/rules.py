"""One rule about tool calls: which calls it means, and how it is written."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

Action = Literal["allow", "ask", "deny"]
Level = Literal["user", "project", "session"]
LEVELS: tuple[Level, ...] = ("session", "project", "user")
"""From the most specific to the least."""

Pattern = str | tuple[str, ...]
"""What an argument's text has to look like, `*` and `?` standing for others; of several, one is enough."""

_SEVERAL = (list, tuple, Mapping)
_WILD = frozenset("*?")
_BY_HOST = ("hosts", "allowed_hosts", "network", "packages")
"""Arguments that say how far a call reaches: a lasting yes is for these values alone."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a rule stands."""

    level: Level
    path: str = ""
    """The file; empty for a rule of the session."""
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.path else "this session"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to happen with the calls of some tools.

    A rule with argument patterns means only calls that have all of these arguments, with values that match.
    """

    action: Action
    tool: str
    """The tool's name; `*` and `?` stand for others."""
    when: Mapping[str, Pattern] = field(default_factory=dict)
    why: str = ""
    """The person's own reason, shown when it asks or refuses."""
    origin: Origin = Origin("session")
    _tool: Callable[[str], object] = field(init=False, repr=False, compare=False)
    _when: Mapping[str, tuple[Callable[[str], object], ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        compiled = {name: tuple(_glob(each) for each in _several(value)) for name, value in self.when.items()}
        object.__setattr__(self, "_tool", _glob(self.tool))
        object.__setattr__(self, "_when", compiled)

    @property
    def weight(self) -> tuple[int, bool]:
        """How exactly it says what it means; the heavier of two rules of one level speaks."""
        return len(self.when), not _WILD & set(self.tool)

    def names(self, tool: str) -> bool:
        """Tell whether a tool is meant, whatever it is called with."""
        return bool(self._tool(tool))

    def matches(self, tool: str, args: Mapping[str, Any]) -> bool:
        """Tell whether a call is meant.

        An argument that is a list is meant by an allowing rule when all of it matches, by others when any of it does.

        Args:
            tool: The tool's name.
            args: What it is called with.
        """
        return self.names(tool) and all(self._fits(name, args) for name in self._when)

    def _fits(self, name: str, args: Mapping[str, Any]) -> bool:
        values = _values(name, args)
        if values is None:
            return False
        patterns = self._when[name]
        if not values:
            # Nothing at all, as in a list of hosts that is empty: meant by a pattern that is empty too.
            return not patterns
        every = all if self.action == "allow" else any
        return every(any(pattern(value) for pattern in patterns) for value in values)

    def __str__(self) -> str:
        what = ", ".join(f"{name}={_shown(value)}" for name, value in self.when.items())
        return f"{self.action} {self.tool}{f' when {what}' if what else ''}"


def propose(tool: str, args: Mapping[str, Any], level: Level = "user") -> Rule:
    """Return the narrowest rule that allows calls like this one.

    A call that reaches a host is allowed for this host; one that says what it may reach, for exactly that.

    Args:
        tool: The tool's name.
        args: What it is called with.
        level: Where the rule is to stand.
    """
    when: dict[str, Pattern] = {}
    if "url" in args:
        several = isinstance(args["url"], _SEVERAL)
        hosts = _values("host", {"url": args["url"]})
        # For a URL without a host no pattern stands but itself.
        name, values = ("host", hosts) if hosts else ("url", _values("url", args) or [])
        when[name] = tuple(map(_escaped, values)) if several else _escaped(values[0])
    for name in _BY_HOST:
        if name in args:
            values = _values(name, args) or []
            when[name] = tuple(map(_escaped, values)) if isinstance(args[name], _SEVERAL) else _escaped(values[0])
    return Rule("allow", tool, when, origin=Origin(level))


def _values(name: str, args: Mapping[str, Any]) -> list[str] | None:
    """Return the texts of an argument, or None when the call has none of that name."""
    if name in args:
        value = args[name]
        if isinstance(value, Mapping):
            # As in packages by their manager: {"pip": ["pandas"]} is pip:pandas.
            pairs = ((key, each) for key, item in value.items() for each in _items(item))
            return [f"{key}:{_text(each)}" for key, each in pairs]
        return [_text(each) for each in _items(value)]
    if name == "host" and "url" in args:
        hosts = [_host(each) for each in _items(args["url"])]
        return [host for host in hosts if host] if all(hosts) else None
    return None


def _items(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else (value,)


def _host(url: object) -> str:
    try:
        return (urlsplit(str(url)).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _several(pattern: Pattern) -> Sequence[str]:
    return (pattern,) if isinstance(pattern, str) else pattern


def _glob(pattern: str) -> Callable[[str], object]:
    # A bracket means itself, as in a list written as JSON.
    return re.compile(fnmatch.translate(_unbracketed(pattern))).match


def _unbracketed(pattern: str) -> str:
    r"""Return a pattern for `fnmatch`, in which `\*` and `\?` are the signs themselves."""
    signs = {"[": "[[]", "\\*": "[*]", "\\?": "[?]"}
    return re.sub(r"\[|\\\*|\\\?", lambda found: signs[found.group()], pattern)


def _escaped(text: str) -> str:
    return re.sub(r"[*?]", r"\\\g<0>", text)


def _shown(value: Pattern) -> str:
    return json.dumps(value, ensure_ascii=False)
