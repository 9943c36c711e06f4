"""Rules as text: what a person writes and reads.

A file holds tables such as these:

    [[rule]]
    allow = "web_fetch"
    when = { host = "docs.python.org" }

    [[rule]]
    deny = "files_*"
    why = "Not in this project."

Every rule names one action and one tool.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lra.policy.rules import Action, Level, Origin, Pattern, Rule

HEAD = """\
# What tools may do without asking (allow), what is asked about (ask), and what never happens (deny).
# A rule names one tool; * and ? stand for others. "when" gives patterns that arguments have to match.
"""
"""How a file begins that is written for the person."""

_ACTIONS: tuple[Action, ...] = ("allow", "ask", "deny")
_START = re.compile(r"^[ \t]*\[\[[ \t]*rule[ \t]*\]\]", re.MULTILINE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MOST_RULES = 1000
_MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Mistake:
    """What could not be understood in a file of rules."""

    path: str
    line: int
    text: str
    """What is wrong there, without a full stop."""

    @property
    def place(self) -> str:
        """The file and the line."""
        return f"{self.path}:{self.line}" if self.line else self.path

    def __str__(self) -> str:
        return f"{self.place}: {self.text}. Until it is mended, nothing is allowed without asking."


def parse(text: str, level: Level, path: str) -> tuple[list[Rule], list[Mistake]]:
    """Read a file of rules; what is wrong in it is told, the rest counts.

    Args:
        text: The file's content.
        level: Whose file it is.
        path: Its name, for messages.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r"\(at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        what = re.sub(r" \(at (?:line|end)[^)]*\)", "", str(error)) or "it is nested too deeply"
        return [], [Mistake(path, line, f"this is no TOML ({what[:1].lower()}{what[1:]})")]
    rules: list[Rule] = []
    mistakes = [
        Mistake(path, _line_of(text, name), f"{json.dumps(name)} is not known here; rules begin with [[rule]]")
        for name in content
        if name != "rule"
    ]
    tables = content.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return rules, [*mistakes, Mistake(path, _line_of(text, "rule"), "every rule begins with [[rule]]")]
    if len(tables) > _MOST_RULES:
        return rules, [*mistakes, Mistake(path, 1, f"{len(tables):,} rules are more than {_MOST_RULES:,}")]
    starts = [text.count("\n", 0, match.start()) + 1 for match in _START.finditer(text)]
    for number, table in enumerate(tables):
        line = starts[number] if len(starts) == len(tables) else 0
        read = _rule(table, Origin(level, path, line))
        if isinstance(read, Rule):
            rules.append(read)
        else:
            mistakes.append(Mistake(path, line, read))
    return rules, mistakes


def _rule(table: dict[str, Any], origin: Origin) -> Rule | str:
    """Return the rule, or what is wrong with it."""
    actions = [name for name in _ACTIONS if name in table]
    others = sorted(set(table) - {*_ACTIONS, "when", "why"})
    if others:
        return f"a rule has no {json.dumps(others[0])}: only allow, ask or deny, when and why"
    if len(actions) != 1:
        return "a rule has exactly one of allow, ask and deny"
    tool, when, why = table[actions[0]], table.get("when", {}), table.get("why", "")
    if not isinstance(tool, str) or not tool.strip() or len(tool) > _MOST_TEXT:
        return f"{actions[0]} is the name of a tool, in quotes"
    if not isinstance(why, str):
        return "why is a text"
    if not isinstance(when, dict):
        return 'when is a table of arguments, as in when = { host = "docs.python.org" }'
    patterns: dict[str, Pattern] = {}
    for name, value in when.items():
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) and len(each) <= _MOST_TEXT for each in listed):
            most = f"{_MOST_TEXT:,} characters each"
            return f"the pattern of {json.dumps(name)} is a text or a list of texts of at most {most}"
        patterns[name] = tuple(listed) if isinstance(value, list) else value
    return Rule(actions[0], tool.strip(), patterns, why.strip(), origin)


def _line_of(text: str, name: str) -> int:
    found = re.search(rf"^[ \t]*\[*[ \t]*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return text.count("\n", 0, found.end()) + 1 if found else 1


def written(rule: Rule) -> str:
    """Return a rule as it stands in a file."""
    lines = ["[[rule]]", f"{rule.action} = {_quoted(rule.tool)}"]
    if rule.when:
        inner = ", ".join(f"{_key(name)} = {_pattern(value)}" for name, value in rule.when.items())
        lines.append(f"when = {{ {inner} }}")
    if rule.why:
        lines.append(f"why = {_quoted(rule.why)}")
    return "\n".join(lines) + "\n"


def removed(text: str, line: int) -> str:
    """Return a file without the rule that begins at a line; comments above the next rule stay.

    Args:
        text: The file's content.
        line: The line of its `[[rule]]`.
    """
    lines = text.splitlines(keepends=True)
    end = line
    while end < len(lines) and not lines[end].lstrip().startswith("[["):
        end += 1
    # What stands above the next rule, after an empty line, belongs to that.
    kept = next((at for at in range(line, end) if not lines[at].strip()), end)
    if any(each.strip() and not each.lstrip().startswith("#") for each in lines[kept:end]):
        kept = end
    return "".join(_joined(lines[: line - 1], lines[kept:end] + lines[end:]))


def _joined(before: list[str], after: list[str]) -> Iterator[str]:
    while before and after and not before[-1].strip() and not after[0].strip():
        after = after[1:]
    yield from before
    yield from after


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _pattern(value: Pattern) -> str:
    return _quoted(value) if isinstance(value, str) else f"[{', '.join(map(_quoted, value))}]"


def _quoted(text: str) -> str:
    # JSON's escapes are TOML's, but that TOML wants DEL escaped and knows no halves of a pair.
    return json.dumps(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), ensure_ascii=False).replace(
        "\x7f", "\\u007f"
    )
