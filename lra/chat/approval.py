"""Questions about tools that need consent: what is shown, and what an answer means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lra.chat.render import Style, call_text
from lra.chat.table import counted
from lra.chat.width import cells, clip
from lra.text import revealed, with_tilde

if TYPE_CHECKING:
    from lra.tools.consent import Answer

_EDITED = 400
SHOWN = 6
"""Lines of arguments that are shown at once."""

ALL = "v shows all of it"

Verdict = Literal["once", "session", "always", "no", "edit", "all"]
_WORDS: dict[str, Verdict] = {
    "y": "once",
    "yes": "once",
    "s": "session",
    "session": "session",
    "n": "no",
    "no": "no",
    "": "no",
    "e": "edit",
    "edit": "edit",
    "v": "all",
    "a": "always",
    "always": "always",
}
QUESTION = "Allow it? [y]es [s]ession [a]lways [e]dit [N]o: "
ONCE = "Allow it? [y]es [e]dit [N]o: "
"""The question about what no rule may allow."""
SHORT = "Allow it? [y/s/a/e/N] "
"""The question where there is little room."""


@dataclass(frozen=True, slots=True)
class Request:
    """One tool call that waits for consent."""

    name: str
    args: dict[str, Any]
    reason: str
    lasting: bool = True
    """Whether more than this one call can be allowed."""

    @property
    def fixed(self) -> Sequence[str]:
        """The arguments that only tell what is asked about; editing them would change nothing."""
        from lra.tools.consent import CHANGES

        return [key for key in ("folder", "patch") if self.name == CHANGES and key in self.args]

    def question(self, columns: int) -> str:
        """Return what is asked, on one line."""
        if not self.lasting:
            return ONCE
        return QUESTION if columns > len(QUESTION) + 4 else SHORT

    @property
    def arguments(self) -> list[str]:
        """Every argument, its lines as they are."""
        lines = []
        for key, value in self.args.items():
            text = revealed(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
            first, *rest = text.split("\n") or [""]
            lines += [f"  {key}: {first}", *(f"    {line}" for line in rest)]
        return lines

    def shown(self, columns: int) -> list[tuple[str, Style]]:
        """Return the lines to show above the question, the most important first, cut to the width."""
        call = call_text(self.name, self.args)
        why: list[tuple[str, Style]] = [(f"  {self.reason}", "dim")] if self.reason else []
        if cells(call) + 2 < columns and "\\n" not in call:
            return [(f"? {call}", "warning"), *why]
        arguments = self.arguments
        most = SHOWN if len(arguments) <= SHOWN else SHOWN - 1
        shown, hidden = arguments[:most], max(0, len(arguments) - most)
        lines = [(f"? {self.name}", "warning"), *why, *((clip_indented(line, columns), "plain") for line in shown)]
        if hidden or any(cells(line) >= columns for line in shown):
            more = f"{counted(hidden, 'more line')} · " if hidden else ""
            lines.append((f"  … {more}{ALL}", "dim"))
        return lines


def clip_indented(line: str, columns: int) -> str:
    """Cut a line to the width and keep its indentation."""
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + clip(line, max(10, columns - indent - 1))


def verdict(answer: str) -> tuple[Verdict, str]:
    """Return what an answer means, and the reason given with a no."""
    word = answer.strip()
    known = _WORDS.get(word.lower())
    if known is not None:
        return known, ""
    first, _, rest = word.partition(" ")
    if first.lower().rstrip(",:") in {"n", "no"}:
        return "no", rest.strip()
    return "no", word


def arguments_from(text: str) -> dict[str, Any] | str:
    """Return edited arguments, or the sentence about what is wrong with them."""
    try:
        args = json.loads(text)
    except ValueError as error:
        return f"That is no JSON: {error}."
    return args if isinstance(args, dict) else "The arguments have to be a JSON object: { … }."


def answer_line(request: Request, answer: Answer) -> tuple[str, Style]:
    """Return the line that stays of a question."""
    if answer is True:
        return f"✓ allowed {request.name}", "dim"
    if answer is False or isinstance(answer, str):
        return f"✗ refused {request.name}{f': {answer}' if answer else ''}", "warning"
    scope = {"session": " until you leave this session", "always": " from now on"}.get(getattr(answer, "scope", ""), "")
    # Of what was edited, what is other than it was.
    edited = {key: value for key, value in (answer.args or {}).items() if request.args.get(key) != value}
    called = clip(call_text(request.name, edited), _EDITED) if edited else request.name
    return f"✓ allowed {called}{scope}", "dim"


def rule_lines(request: Request, path: str) -> list[str]:
    """Return what is shown of the rule before it is written.

    Args:
        request: The call that was asked about.
        path: The person's file of rules.
    """
    from lra.policy import propose, written

    text = revealed(written(propose(request.name, request.args)))
    return [f"This rule would be added to {with_tilde(path)}:", *(f"  {line}" for line in text.splitlines())]
