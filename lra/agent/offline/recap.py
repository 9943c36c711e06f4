"""What was said in this very conversation, told from its own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lra.agent.offline.intents import Kind, parse
from lra.memory.secrets import repeatable
from lra.text import one_line, printable

NOTHING_YET = "Nothing yet: this conversation begins here."
_MOST = 8
_LENGTH = 160
_MOST_REPEATED = 2000
_SECTIONS = (
    ("You told me:", frozenset({Kind.REMEMBER})),
    ("You asked:", frozenset({Kind.ASK, Kind.ABOUT_ME})),
    ("About tasks:", frozenset({Kind.TASK})),
    ("You also wrote:", frozenset({Kind.OTHER, Kind.CODE})),
)
_UNTOLD = frozenset({Kind.FORGET, Kind.SECRET})


def recap(said: Sequence[str], *, cut: bool = False) -> str:
    """Tell what a conversation was about, in the person's own words.

    Args:
        said: What the person wrote, oldest first.
        cut: Whether they wrote more before that.
    """
    told: dict[str, list[str]] = {head: [] for head, _ in _SECTIONS}
    for text in worth_telling(said):
        kinds = {intent.kind for intent in parse(text)}
        head = next((head for head, its in _SECTIONS if kinds & its), None)
        if head is not None:
            told[head].append(text)
    parts = [section(head, lines, more=cut) for head, lines in told.items() if lines]
    if not parts:
        return NOTHING_YET
    return "\n\n".join(["I follow rules and cannot sum up in words of my own. This is what you wrote here:", *parts])


def first_said(said: Sequence[str], *, cut: bool) -> str:
    """Repeat the person's first message, as far back as is seen."""
    if not said:
        return NOTHING_YET
    first = f'"{one_line(repeatable(said[0][:1200]), 400)}"'
    if cut:
        return f"I see only the latest part of this conversation. The earliest message in it: {first}"
    return f"Your first message here: {first}"


def last_said(said: Sequence[str]) -> str:
    """Repeat the person's last message."""
    return f'You wrote: "{one_line(said[-1][:1200], 400)}"' if said else NOTHING_YET


def last_answer(answer: str) -> str:
    """Repeat the last answer."""
    if not answer:
        return "I have said nothing yet in this conversation."
    cut = "\n…" if len(answer) > _MOST_REPEATED else ""
    lines = (printable(answer[:_MOST_REPEATED]).rstrip() + cut).splitlines()
    return "\n".join(["I said:", "", *(f"> {line}".rstrip() for line in lines)])


def worth_telling(said: Iterable[str]) -> list[str]:
    """Leave out what was to be forgotten: told again, it would bring that back."""
    return [text for text in said if not {intent.kind for intent in parse(text)} & _UNTOLD]


def section(head: str, lines: Sequence[str], *, more: bool = False) -> str:
    """Return a heading with the last of some lines as a list.

    Args:
        head: The heading.
        lines: The lines, oldest first.
        more: Whether there are more before them.
    """
    shown = [f"- {one_line(repeatable(line[:600]), _LENGTH)}" for line in lines[-_MOST:]]
    left_out = len(lines) - len(shown)
    count = f"{left_out} earlier {'one is' if left_out == 1 else 'ones are'}"
    # A paragraph of its own: behind the last item it would read as a part of it.
    left = f"\n\n({'Earlier ones are' if more else count} left out.)" if more or left_out else ""
    return "\n".join([head, *shown]) + left
