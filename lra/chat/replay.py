"""A kept conversation, shown again as the chat showed it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from lra.chat.render import Ended, TurnRenderer
from lra.chat.screen import Screen
from lra.events import (
    Event,
    MemoryWritten,
    Recalled,
    RecalledMemory,
    TaskChanged,
    TextDelta,
    ToolFinished,
    ToolOutcome,
    ToolStarted,
    TurnFinished,
    TurnStarted,
    Usage,
)

if TYPE_CHECKING:
    from lra.store import JournalRow, StructuredMemoryStore, TurnRecord
    from lra.store.written import Written

LONGEST_PAUSE = 3.0
"""Seconds; nobody waits longer to see what is known already."""
_STEP = 0.04
"""Seconds between two pieces of an answer."""
_MICRO = 1_000_000


@dataclass(slots=True, kw_only=True)
class Recording:
    """One turn as it is kept; without a turn, lines that belong to none, such as imported ones."""

    turn: TurnRecord | None
    rows: list[JournalRow] = field(default_factory=list)
    recalled: list[RecalledMemory] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    streamed: str = ""
    """What had arrived of an answer that was never finished."""
    running: bool = False
    """Whether it has not ended."""


async def read_recordings(store: StructuredMemoryStore, session_id: str, until: int | None = None) -> list[Recording]:
    """Return the turns of a session in order.

    Args:
        store: The record.
        session_id: Which session.
        until: Number of the last turn.
    """
    from lra.store.written import written_in

    turns = {turn.id: turn for turn in await store.journal.turns(session_id)}
    held = await store.sessions.holder(session_id) is not None
    recordings: list[Recording] = []
    for row in await store.journal.rows(session_id):
        turn = turns.get(row.turn_id or 0)
        if turn is not None and until is not None and turn.number > until:
            break
        if not recordings or recordings[-1].turn is not turn:
            recordings.append(Recording(turn=turn))
        recordings[-1].rows.append(row)
    written: dict[int, list[Written]] = {}
    for change in await written_in(store.database, session_id):
        written.setdefault(change.turn_id, []).append(change)
    for recording in recordings:
        if (turn := recording.turn) is None:
            continue
        recording.written = written.get(turn.id, [])
        recording.recalled = await _recalled(store, turn.recalled)
        if turn.outcome is None:
            recording.running = held
            pieces = await store.journal.streamed(turn.id)
            recording.streamed = "".join(text for kind, text in pieces if kind == "text")
    return recordings


async def _recalled(store: StructuredMemoryStore, ids: Sequence[str]) -> list[RecalledMemory]:
    from lra.store.clock import iso

    memories, rows = await store.memories.by_ids(ids), await store.journal.by_ids(ids)
    found = {key: (record.kind, record.content, record.created_at) for key, record in memories.items()}
    found |= {key: ("turn", row.content, row.created_at) for key, row in rows.items()}
    return [
        RecalledMemory(id=key, kind=found[key][0], content=found[key][1], created_at=iso(found[key][2]), score=0.0)
        for key in ids
        if key in found
    ]


def replay(
    recordings: Sequence[Recording],
    screen: Screen,
    *,
    speed: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Show turns on a screen; blocks.

    Args:
        recordings: From `read_recordings`.
        screen: Where to.
        speed: How many times as fast as it happened, long pauses cut; None for no waiting at all.
        sleep: What waits.
    """
    for recording in recordings:
        if recording.turn is None:
            _show_lines(recording.rows, screen)
        else:
            _Turn(recording, screen, speed, sleep).show()
        screen.end_line()
        screen.line()
    screen.calm()


def _show_lines(rows: Sequence[JournalRow], screen: Screen) -> None:
    for row in rows:
        text = f"{row.speaker}: {row.content}" if row.speaker else row.content
        if row.role == "user":
            _echo(screen, text)
        elif row.role == "assistant":
            screen.text(text)
            screen.end_line()


def _echo(screen: Screen, text: str) -> None:
    """Show a message as it stood in the prompt."""
    if screen.plain:
        screen.line("> " + text.replace("\n", "\n  "))
    else:
        screen.echo(text)


class _Turn:
    """One turn on its way to the screen."""

    def __init__(
        self, recording: Recording, screen: Screen, speed: float | None, sleep: Callable[[float], None]
    ) -> None:
        assert recording.turn is not None
        self._recording = recording
        self._screen = screen
        self._speed = speed
        self._sleep = sleep
        self._now = recording.turn.started_at
        self._renderer = TurnRenderer(lambda: screen.columns, lambda: self._now / _MICRO)

    def show(self) -> None:
        """Show it from the message to the price."""
        said = False
        for at, event in events_of(self._recording):
            if isinstance(event, TurnStarted):
                if said:
                    self._screen.end_line()
                _echo(self._screen, event.text)
                said = True
            pause = min(max(0, at - self._now) / _MICRO, LONGEST_PAUSE) / self._speed if self._speed else 0.0
            self._now = max(self._now, at)
            if isinstance(event, TextDelta) and pause:
                self._type(event.text, pause)
                continue
            if pause:
                self._sleep(pause)
            self._feed(event)
        if self._recording.running:
            self._screen.end_line()
            self._screen.line("This turn is still running.", "dim")

    def _type(self, text: str, seconds: float) -> None:
        """Show text as if it arrived in this time."""
        size = max(1, int(len(text) * _STEP / seconds))
        for start in range(0, len(text), size):
            self._sleep(min(_STEP, seconds))
            self._feed(TextDelta(text=text[start : start + size]))

    def _feed(self, event: Event) -> None:
        for piece in self._renderer.feed(event):
            if isinstance(piece, Ended) or not isinstance(event, TurnStarted):
                self._screen.show(piece)


def events_of(recording: Recording) -> Iterator[tuple[int, Event]]:
    """Return the events of a kept turn with their times, as the session emitted them."""
    from lra.session.transcript import tool_calls

    turn = recording.turn
    assert turn is not None
    waiting = list(recording.written)
    begun: dict[str, tuple[str, int]] = {}
    output: list[str] = []
    first = True
    for row in recording.rows:
        if row.role == "user":
            yield row.created_at, TurnStarted(text=row.content, model=turn.model)
            if first and recording.recalled:
                yield row.created_at, Recalled(memories=recording.recalled)
            first = False
        elif row.role == "assistant":
            if row.content:
                output.append(row.content)
                yield row.created_at, TextDelta(text=row.content)
            for call in tool_calls(row.payload):
                begun[str(call["id"])] = (str(call["name"]), row.created_at)
                args = call["args"] if isinstance(call["args"], Mapping) else {"arguments": call["args"]}
                yield row.created_at, ToolStarted(call_id=str(call["id"]), name=str(call["name"]), args=dict(args))
        elif row.role == "tool":
            while waiting and waiting[0].at <= row.created_at:
                yield waiting[0].at, _change(waiting.pop(0))
            yield row.created_at, _tool_finished(row, begun)
    for change in waiting:
        yield change.at, _change(change)
    if recording.streamed:
        output.append(recording.streamed)
        yield turn.started_at, TextDelta(text=recording.streamed)
    if not recording.running:
        yield turn.ended_at or turn.started_at, _turn_finished(turn, "\n\n".join(output))


def _tool_finished(row: JournalRow, begun: Mapping[str, tuple[str, int]]) -> ToolFinished:
    name, since = begun.get(row.tool_call_id or "", ("", row.created_at))
    return ToolFinished(
        call_id=row.tool_call_id or "",
        name=row.tool_name or name,
        outcome=cast("ToolOutcome", row.outcome or "success"),
        content=row.content,
        seconds=max(0, row.created_at - since) / _MICRO,
    )


def _change(change: Written) -> Event:
    if change.kind == "task":
        return TaskChanged(id=change.id, title=change.text, status=change.status)
    return MemoryWritten(
        id=change.id,
        action=change.action,  # type: ignore[arg-type] # a word it does not know is shown as it is
        kind="fact",
        content=change.text,
        replaced=list(change.replaced),
    )


def _turn_finished(turn: TurnRecord, output: str) -> TurnFinished:
    usage = Usage(**{name: getattr(turn, name) for name in Usage.__dataclass_fields__})
    return TurnFinished(
        output=output,
        outcome=turn.outcome or "interrupted",  # type: ignore[arg-type]
        usage=usage,
        cost=turn.cost,
        recalled=turn.recalled,
        remembered=turn.remembered,
        error=turn.error,
    )
