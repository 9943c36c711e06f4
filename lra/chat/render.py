"""Events of a turn as things to show; pure, so that every front and test shares it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lra import events
from lra.chat.flow import Flow
from lra.chat.gist import gist
from lra.chat.width import clip
from lra.text import revealed

Style = Literal["plain", "dim", "tool", "memory", "warning", "error", "title", "good", "prompt", "status"]


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of the answer, appended to what stands."""

    text: str


@dataclass(frozen=True, slots=True)
class EndLine:
    """The answer pauses here: what follows starts on a new line."""


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line about the turn."""

    text: str
    style: Style = "plain"


@dataclass(frozen=True, slots=True)
class Busy:
    """What is going on while nothing is said; shown only where it can be wiped again."""

    text: str
    seconds: float | None = None
    """Counts down from here; without it, up from 0."""
    hint: str = "Esc stops"


@dataclass(frozen=True, slots=True)
class Began:
    """A tool runs."""

    call_id: str
    name: str
    call: str
    """The call as a person reads it."""
    depth: int = 0
    """How far below the agent that the person talks with: 1 for a specialist's."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A running tool said something."""

    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A tool has ended."""

    call_id: str
    name: str
    call: str
    text: str
    """What to show of its result, before it is cut to the width."""
    style: Style
    more: int
    """Lines of the result beyond the first."""
    took: float
    """Seconds."""
    follows: bool
    """Whether it stands right below its own call, in a list of what happened."""
    content: str
    """The whole result."""
    depth: int = 0
    """As of its call."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes to files."""

    text: str


Piece = Patch | Say | EndLine | Line | Busy | Began | Heard | Ended

_WRITTEN = {
    "created": "remembered",
    "merged": "already knew",
    "superseded": "now knows",
    "edited": "changed",
    "forgotten": "forgot",
}
_OUTCOMES = {
    "interrupted": "Stopped. What was said so far is kept.",
    "failed": "The turn failed.",
    "refused": "Stopped: the answer needed something that was refused.",
    "budget": "Stopped: the budget is used up.",
}
_TROUBLE = {"failed": "failed", "retried": "asked to try again", "denied": "denied", "interrupted": "interrupted"}


class TurnRenderer:
    """Turns the events of one turn into pieces.

    Args:
        columns: Returns the width that whole lines are cut to.
        clock: Seconds, for how long things took.
        undo_key: Whether `u` takes a written memory back, which is then said.
    """

    def __init__(
        self, columns: Callable[[], int], clock: Callable[[], float] = time.monotonic, *, undo_key: bool = False
    ) -> None:
        self._columns = columns
        self._undo_key = undo_key
        self._clock = clock
        self._began = clock()
        self._flow = Flow()
        self._last_call = ""
        self._calls: dict[str, str] = {}
        self._depths: dict[str, int] = {}
        """How deep the calls are that specialists work for."""
        self._thinking = False
        self._priced = True
        self._open: set[str] = set()
        """Calls that a person is being asked about."""
        self._asked_at = self._waited = 0.0
        self.said = False
        """Whether any answer text was shown."""

    def feed(self, event: events.Event) -> list[Piece]:
        """Return what one event shows; unknown ones show nothing."""
        show = getattr(self, f"_on_{event.type}", None)
        pieces: list[Piece] = list(show(event)) if show else []
        if not event.parent:
            return pieces
        depth = self._depths.get(event.parent, 0) + 1
        return [_indented(piece, depth) for piece in pieces if not isinstance(piece, Busy)]

    def _line(self, text: str, style: Style) -> Line:
        return Line(clip(text, max(20, self._columns() - 1)), style)

    def _pause(self) -> Iterator[Piece]:
        self._flow.close()
        self._thinking = False
        yield EndLine()

    def _on_turn_started(self, event: events.TurnStarted) -> Iterator[Piece]:
        self._priced = event.model != "offline"
        yield Busy("thinking")

    def _on_recalled(self, event: events.Recalled) -> Iterator[Piece]:
        if event.memories:
            since = " (since changed)"
            what = "; ".join(clip(memory.content, 60) + since * bool(memory.changed) for memory in event.memories)
            room = max(20, self._columns() - 8)
            yield Line(clip(f"↺ recalled {len(event.memories)}: {what}", room) + " · /why", "memory")
            yield Busy("thinking")

    def _on_text_delta(self, event: events.TextDelta) -> Iterator[Piece]:
        if shown := self._flow.feed(event.text):
            self.said = True
            yield Say(shown)

    def _on_thinking_delta(self, _event: events.ThinkingDelta) -> Iterator[Piece]:
        if not self._thinking:
            self._thinking = True
            yield Busy("reasoning")

    def _on_tool_started(self, event: events.ToolStarted) -> Iterator[Piece]:
        yield from self._pause()
        self._last_call = event.call_id
        self._calls[event.call_id] = _by(event) + call_text(event.name, event.args)
        yield Began(event.call_id, event.name, self._calls[event.call_id])

    def _on_tool_progress(self, event: events.ToolProgress) -> Iterator[Piece]:
        if event.text.strip():
            yield Heard(event.call_id, event.text)

    def _on_tool_finished(self, event: events.ToolFinished) -> Iterator[Piece]:
        lines = [line for line in event.content.splitlines() if line.strip()]
        text = clip(gist(event.content), 400) or "done"
        trouble = _TROUBLE.get(event.outcome)
        yield Ended(
            call_id=event.call_id,
            name=event.name,
            call=self._calls.pop(event.call_id, _by(event) + event.name),
            text=f"{trouble}: {text}" if trouble else text,
            style="warning" if trouble else "dim",
            more=max(0, len(lines) - 1),
            took=event.seconds,
            follows=event.call_id == self._last_call,
            content=event.content,
        )
        yield Busy("thinking")

    def _on_specialist_started(self, event: events.SpecialistStarted) -> Iterator[Piece]:
        self._depths[event.call_id] = self._depths.get(event.parent, 0) + 1 if event.parent else 0
        yield from self._pause()
        yield self._line(f"⇢ {event.name}: {event.task}", "tool")

    def _on_specialist_finished(self, event: events.SpecialistFinished) -> Iterator[Piece]:
        usage, how = event.usage, "is done" if event.outcome == "completed" else "did not finish"
        parts = [f"⇠ {event.name} {how}: {usage.requests} request{'' if usage.requests == 1 else 's'}"]
        if usage.input_tokens + usage.output_tokens:
            parts.append(f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out")
        if event.cost:
            parts.append(dollars(event.cost))
        yield self._line(" · ".join(parts), "dim" if event.outcome == "completed" else "warning")

    def _on_memory_written(self, event: events.MemoryWritten) -> Iterator[Piece]:
        verb = _WRITTEN.get(event.action, event.action)
        hint = " · u undoes" if self._undo_key and event.action in {"created", "superseded", "edited"} else ""
        room = max(20, self._columns() - 1) - len(verb) - len(hint) - 5
        yield Line(f"✎ {verb} “{clip(event.content, room)}”{hint}", "memory")
        for before in event.replaced:
            yield Line(f"  no longer “{clip(before, max(20, self._columns() - 16))}”", "dim")

    def _on_task_changed(self, event: events.TaskChanged) -> Iterator[Piece]:
        yield self._line(f"☑ task “{event.title}” is {event.status.replace('_', ' ')}", "memory")

    def _on_workspace_changed(self, event: events.WorkspaceChanged) -> Iterator[Piece]:
        yield from self._pause()
        many = f"{len(event.files)} files" if len(event.files) > 1 else "1 file"
        yield self._line(f"± {many} changed in the sandbox's copy of {event.root}", "title")
        yield Patch(event.patch)

    def _on_approval_requested(self, event: events.ApprovalRequested) -> Iterator[Piece]:
        if not self._open:
            self._asked_at = self._clock()
        self._open.add(event.call_id)
        yield from ()

    def _on_approval_resolved(self, event: events.ApprovalResolved) -> Iterator[Piece]:
        if event.call_id in self._open:
            self._open.remove(event.call_id)
            self._waited += 0.0 if self._open else self._clock() - self._asked_at
        if not event.approved:
            yield self._line(f"  not allowed{': ' + event.reason if event.reason else ''}", "warning")

    def _on_retrying(self, event: events.Retrying) -> Iterator[Piece]:
        yield from self._pause()
        wait = f"{event.seconds:.0f} s" if event.seconds >= 1 else "a moment"
        yield Line(f"⟳ asking again in {wait} (attempt {event.attempt}): {event.reason}", "warning")
        yield Busy("waiting", event.seconds)

    def _on_model_switched(self, event: events.ModelSwitched) -> Iterator[Piece]:
        yield from self._pause()
        yield Line(f"⇄ {event.model} takes over: {event.reason}", "warning")
        yield Busy("thinking")

    def _on_compacted(self, event: events.Compacted) -> Iterator[Piece]:
        yield self._line(compacted_text(event), "dim")
        if event.problem:
            yield Line(by_rules_text(event.problem), "warning")

    def _on_notice(self, event: events.Notice) -> Iterator[Piece]:
        yield from self._pause()
        mark, style = notice_look(event.level)
        yield Line(mark + event.text, style)

    def _on_turn_finished(self, event: events.TurnFinished) -> Iterator[Piece]:
        if not self.said and event.output.strip():
            # A front that joins late, or a model that does not stream.
            yield from self._on_text_delta(events.TextDelta(text=event.output))
        yield from self._pause()
        if event.outcome != "completed":
            stopped = event.outcome == "interrupted"
            known = outcome_text(event.outcome)
            yield Line(known if stopped else event.error or known, "warning" if stopped else "error")
        if text := self._price(event):
            yield Line("  " + text, "dim")

    def _price(self, event: events.TurnFinished) -> str:
        usage = event.usage
        parts = [f"{self._clock() - self._began - self._waited:.1f} s"]
        if not self._priced or not usage.input_tokens + usage.output_tokens:
            return ""
        parts.append(f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out")
        if event.cost is not None:
            parts.append(dollars(event.cost))
        return " · ".join(parts)


def _by(event: events.Event) -> str:
    """Return whose call it is, where it is a specialist's."""
    return f"{event.agent} · " if event.agent else ""


def _indented(piece: Piece, depth: int) -> Piece:
    if isinstance(piece, Line):
        return replace(piece, text="  " * depth + piece.text)
    if isinstance(piece, Began | Ended):
        return replace(piece, depth=depth)
    return piece


def call_text(name: str, args: dict[str, Any]) -> str:
    """Return a call as a person reads it: `name(key=value, …)`."""
    inside = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in args.items())
    return revealed(f"{name}({inside})")


def outcome_text(outcome: str) -> str:
    """Return how a turn ended, where it was not completed."""
    return _OUTCOMES.get(outcome, outcome)


def compacted_text(event: events.Compacted) -> str:
    """Return the line about a shortened context."""
    return f"⇊ context shortened from {event.before_tokens:,} to {event.after_tokens:,} tokens: {event.detail}"


def by_rules_text(problem: str) -> str:
    """Return the line that says that what was left out was shortened by rules, and why."""
    return f"! No model summarised what was left out; rules picked sentences of it. {problem}"


def open_tasks(tasks: Sequence[tuple[str, str]], columns: int, most: int = 5) -> list[str]:
    """Return the open ones of several tasks as a short list; nothing where one line said it all.

    Args:
        tasks: Title and status of each.
        columns: The width to cut to.
        most: How many to list.
    """
    marks = {"pending": "[ ]", "in_progress": "[~]"}
    shown = [(marks[status], title) for title, status in tasks if status in marks]
    if len(shown) < 2:
        return []
    lines = [f"  {mark} {clip(title, max(20, columns - 8))}" for mark, title in shown[:most]]
    return lines + ([f"  … and {len(shown) - most} more · /tasks"] if len(shown) > most else [])


def notice_look(level: str) -> tuple[str, Style]:
    """Return the mark and the style of a notice."""
    if level == "error":
        return "✗ ", "error"
    return ("! ", "warning") if level == "warning" else ("· ", "dim")


def dollars(cost: float) -> str:
    """Return an amount with as many digits as it needs."""
    return f"${cost:.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}"
