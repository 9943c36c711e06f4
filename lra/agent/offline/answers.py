"""What is said about the results of tools: results in, text out."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lra.agent.offline.facts import Fact
from lra.agent.offline.hits import Findings, Hit
from lra.agent.offline.questions import Question
from lra.agent.offline.recap import section, worth_telling
from lra.agent.offline.results import Result, items, moment, when
from lra.memory.secrets import MARK as SECRET
from lra.text import one_line, printable

_QUOTED = 400
_MOST_FURTHER = 4
_MOST_KNOWN = 20
_MOST_OUTPUT = 4000
_LISTED = "That is what I found by searching; in the chat, `/memory` lists everything."
_MORE = "There may be more: ask about something in particular."
_NOT_REPEATED = (
    f"I do not repeat what looks like a secret. Where you see {SECRET}, the words stand in that conversation: "
    "`/forget WORDS` erases them."
)
_PERSONAL = re.compile(r"(?:my|our|i|i'm|i've|we|call me|always|never|remember|from now on)\b", re.I)
_STORED = re.compile(r"(?:stored|saved|updated|replaced|already|merged|remembered|noted|kept|written)\b", re.I)


def quote(text: str) -> str:
    """Return text in quotation marks, on one line and not too long."""
    return f'"{one_line(text[: _QUOTED * 3], _QUOTED)}"'


def trouble(tool: str, result: Result) -> str | None:
    """Say how a call went wrong, or None when it did not."""
    said = f": {result.text}" if result.text else ""
    match result.outcome:
        case "failed":
            return f"{tool} failed{said}"
        case "denied":
            return f"{tool} was not allowed{said}"
        case "interrupted":
            return f"{tool} was interrupted before it finished, so I do not know whether it took effect."
        case "retried":
            return f"{tool} refused the call{said}"
        case _:
            return f"{tool} answered: {result.refusal}" if result.refusal else None


def stored(facts: Sequence[Fact], results: Sequence[Result]) -> str:
    """Confirm exactly what was stored, and say what was not."""
    kept: list[str] = []
    lost: list[str] = []
    for fact, result in zip(facts, results, strict=True):
        problem = trouble("write_memory", result)
        said = result.value.strip() if isinstance(result.value, str) else ""
        if problem is None and said and not _STORED.match(said):
            problem = f"write_memory answered: {result.text}"
        if problem is None:
            kept.append(quote(fact.content))
        else:
            lost.append(f"I could not store {quote(fact.content)}. {problem}")
    lines = [f"I will remember: {kept[0]}"] if len(kept) == 1 else []
    if len(kept) > 1:
        lines = ["\n".join(["I will remember:", *(f"- {line}" for line in kept)])]
    return "\n\n".join([*lines, *lost])


def kept_here(facts: Sequence[Fact]) -> str:
    """Say how long something is known that cannot be stored."""
    known = ", ".join(quote(fact.content) for fact in facts)
    return (
        f"I will go by that in this conversation: {known}. I cannot store anything for others: there is no tool for it."
    )


def found(question: Question, findings: Findings, said_here: Findings, now: datetime) -> str:
    """Answer a question from memory, or from earlier words of this conversation, or say that nothing is known."""
    if findings.matches:
        best, further = findings.matches[0], findings.matches[1 : 1 + _MOST_FURTHER]
        only = question.past and not best.outdated
        lines = [f"I know only what holds now. {told(best, now)}" if only else told(best, now)]
        for head, talk in (("Also in memory:", False), ("Also said in conversations:", True)):
            if also := [f"- {dated(hit, now)}" for hit in further if hit.is_talk is talk]:
                lines += ["", head, *also]
        if any(SECRET in hit.content for hit in (best, *further)):
            lines += ["", _NOT_REPEATED]
        return "\n".join(lines)
    if said_here.matches:
        said = quote(said_here.matches[0].content)
        return f"I found nothing in memory about that, but earlier in this conversation you said: {said}"
    if findings.near and findings.likely:
        near = [f"- {dated(hit, now)}" for hit in findings.near[:_MOST_FURTHER]]
        return "\n".join(["This may answer it, as far as rules can tell:", *near])
    if findings.near:
        near = [f"- {dated(hit, now)}" for hit in findings.near[:_MOST_FURTHER]]
        return "\n".join(["I found nothing in memory that answers this. What comes closest:", *near])
    return not_found(question)


def not_found(question: Question) -> str:
    """Say that memory has nothing to say."""
    about = f"about {quote(question.topic)}" if question.topic else "about that"
    return f"I found nothing in memory {about}. I know only what I was told, so I will not guess."


def told(hit: Hit, now: datetime) -> str:
    """Quote a memory with its date."""
    date = when(hit.created_at, now)
    if hit.outdated:
        return f"You once told me{' ' + date if date else ''}, and it has changed since: {quote(hit.content)}"
    if hit.is_talk:
        return f"In a conversation{' ' + date if date else ''}: {quote(hit.content)}"
    if hit.told or _PERSONAL.match(hit.content):
        return f"You told me{' ' + date if date else ''}: {quote(hit.content)}"
    return f"In memory{', stored ' + date if date else ''}: {quote(hit.content)}"


def dated(hit: Hit, now: datetime) -> str:
    """Quote a memory with its date behind it."""
    date = when(hit.created_at, now)
    since = "since changed" if hit.outdated else "you said otherwise since" if hit.denied else ""
    notes = [note for note in (date, since) if note]
    return quote(hit.content) + (f" ({', '.join(notes)})" if notes else "")


def known(hits: Sequence[Hit], now: datetime, *, cut: bool = False, days_ago: int | None = None) -> str:
    """Tell everything that is stored about the person, or all of one day.

    Args:
        hits: What was found.
        now: The present moment.
        cut: Whether the search gave as much as it may.
        days_ago: The day that was asked about.
    """
    day = "" if days_ago is None else when(now - timedelta(days=days_ago), now)
    hits = [hit for hit in hits if not day or when(hit.created_at, now) == day]
    stored, said = ([hit for hit in hits if hit.is_talk is talk] for talk in (False, True))
    from_day = f"{'' if day == 'today' else ' from'} {day}" if day else ""
    if stored:
        parts = ["\n".join([f"This is what I have stored{from_day}:", *_known_lines(stored, now, day)])]
    elif day:
        parts = [f"I have stored nothing {'so far today' if day == 'today' else f'from {day}'}."]
    elif said:
        parts = ["I have nothing stored about you."]
    else:
        return 'I have nothing stored about you yet. Tell me something, for example "my name is Ana".'
    if said:
        head = "You also said, in conversations:" if stored else "In conversations you said:"
        parts.append("\n".join([head, *_known_lines(said, now, day)]))
    if any(SECRET in hit.content for hit in hits):
        parts.append(_NOT_REPEATED)
    if cut or len(stored) > _MOST_KNOWN:
        parts.append(_MORE)
    elif not day:
        parts.append(_LISTED)
    return "\n\n".join(parts)


def _known_lines(hits: Sequence[Hit], now: datetime, day: str) -> list[str]:
    return [f"- {quote(hit.content) if day else dated(hit, now)}" for hit in hits[:_MOST_KNOWN]]


@dataclass(frozen=True, slots=True)
class Row:
    """One message of the record of conversations."""

    role: str
    content: str
    session: str
    at: datetime | None


def read_rows(value: Any) -> list[Row]:
    """Return the messages in a result of `get_recent_conversations`, whatever its form."""
    return [
        Row(str(item.get("role", "")), item["content"], str(item.get("session_id", "")), moment(item.get("timestamp")))
        for item in items(value)
        if isinstance(item.get("content"), str) and item["content"].strip()
    ]


def split_current(rows: Sequence[Row], spoken: Collection[str]) -> tuple[list[Row], list[Row]]:
    """Return what the person wrote in other sessions, and in this one before now.

    Args:
        rows: Messages, oldest first.
        spoken: What the person wrote in this conversation; the session of the latest such message is this one.
    """
    here = {_folded(text) for text in spoken}
    mine = [row for row in rows if row.role == "user"]
    current = mine[-1].session if mine and _folded(mine[-1].content) in here else None
    others = [row for row in mine if row.session != current]
    return others, [row for row in mine if row.session == current][:-1]


def _folded(text: str) -> str:
    return " ".join(text[:500].split()).casefold()


def digest(
    others: Sequence[Row],
    here: Sequence[Row],
    now: datetime,
    *,
    days_ago: int | None = None,
    here_too: bool = False,
    more: bool = False,
    cut: bool = False,
) -> str:
    """Tell what the last other conversation was about, or those of one day.

    Args:
        others: What the person wrote in other sessions, oldest first.
        here: What they wrote in this one before now.
        now: The present moment.
        days_ago: The day that was asked about.
        here_too: Whether this conversation may be meant.
        more: Whether the record of other sessions goes back further than what was read.
        cut: Whether this one does.
    """
    if days_ago is not None:
        day = when(now - timedelta(days=days_ago), now)
        rows = [row for row in (*others, *here) if when(row.at, now) == day]
        if rows:
            earlier = (cut and day == "today") or (more and when(others[0].at, now) == day)
            return _told_rows(f"{day[:1].upper() + day[1:]} you wrote:", rows, more=earlier)
        if not others:
            return f"I have no conversation on record from {day}."
        return f"I have no conversation on record from {day}. {_last(others, now, more=more)}"
    if others and here and here_too:
        return "\n\n".join(
            [_told_rows("Earlier in this conversation you wrote:", here, more=cut), _last(others, now, more=more)]
        )
    if others:
        return _last(others, now, more=more)
    if here:
        return _told_rows("I have no other conversation on record. Earlier in this one you wrote:", here, more=cut)
    return "I have no earlier conversation on record."


def _last(others: Sequence[Row], now: datetime, *, more: bool) -> str:
    rows = [row for row in others if row.session == others[-1].session]
    date = when(rows[-1].at, now)
    return _told_rows(
        f"Last time{', ' + date + ',' if date else ''} you wrote:", rows, more=more and len(rows) == len(others)
    )


def _told_rows(head: str, rows: Sequence[Row], *, more: bool = False) -> str:
    return section(head, worth_telling(row.content for row in rows), more=more)


def ran(result: Result) -> str:
    """Show what a piece of code printed."""
    value = result.value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = next(iter(items(value)), value)
    if not isinstance(value, dict):
        text = "" if value is None else str(value)
        return f"Result:\n{_fence(text)}" if text.strip() else "It ran and printed nothing."
    failed = value.get("success") is False or bool(value.get("error"))
    printed = [str(value[name]) for name in ("stdout", "output") if value.get(name)]
    returned = [] if value.get("result") in (None, "") else [str(value["result"])]
    wrong = [str(value[name]) for name in ("stderr", "error", "traceback") if value.get(name)]
    parts = [f"It printed:\n{_fence(text)}" for text in printed[:1]]
    parts += [f"Result:\n{_fence(text)}" for text in returned]
    parts += [f"{'It failed' if failed else 'On standard error'}:\n{_fence(text)}" for text in wrong[:1]]
    if not parts:
        return "The code failed without saying why." if failed else "It ran and printed nothing."
    return "\n\n".join(parts)


def _fence(text: str) -> str:
    cut = f"\n… and {len(text) - _MOST_OUTPUT} more characters" if len(text) > _MOST_OUTPUT else ""
    text = printable(text[:_MOST_OUTPUT]).rstrip("\n") + cut
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}\n{text}\n{ticks}"
