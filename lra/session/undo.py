"""Undoing turns: what goes with them, what is kept, and what no undoing reaches."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lra.errors import UsageError
from lra.store import JournalRow, StructuredMemoryStore, TurnRecord
from lra.store.undoing import MemoryBack, Rewound, TaskBack
from lra.text import one_line
from lra.tools.consent import CHANGES

if TYPE_CHECKING:
    from lra.session.context import SessionContext

WITHOUT_EFFECT = frozenset({"search_memory", "get_recent_conversations", "list_tasks", "get_task_state"})
"""Tools that only look."""
TAKEN_BACK = frozenset({"write_memory", "create_task", "update_task_status"})
"""Tools whose effects can be undone."""
_NEVER_RAN = frozenset({"denied", "retried"})
_SHOWN = 60
_DECISIONS = 1_000
"""Rows of the audit log that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoneTurn:
    """One turn that is undone."""

    id: int
    number: int
    text: str
    """The whole message, for the prompt."""

    @property
    def first_words(self) -> str:
        """The message in a few words."""
        return one_line(self.text, _SHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolEffect:
    """A tool call whose effects stay, since they are outside the record."""

    turn: int
    """Number of the turn."""
    name: str
    args: dict[str, Any]
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What undoing turns did, or would do."""

    turns: list[UndoneTurn]
    """In order; the first one's text is what the person may want to write anew."""
    memories: list[MemoryBack]
    """Memories the turns wrote or changed; empty when those were left alone."""
    tasks: list[TaskBack]
    """Tasks the turns created or changed; empty when those were left alone."""
    tools: list[ToolEffect]
    """Calls whose effects outside cannot be undone."""
    summary_dropped: bool
    """Whether the session had a summary, which may tell of the turns and is written anew."""

    def __len__(self) -> int:
        """Return the number of turns."""
        return len(self.turns)

    def sentences(self, *, done: bool = True) -> list[str]:
        """Return what a person is told about the memories, tasks and tools, a line each.

        Args:
            done: Whether it has happened, rather than would.
        """
        return list(self._sentences(done))

    def _sentences(self, done: bool) -> Iterator[str]:
        removed = "taken back" if done else "would be taken back"
        restored = "restored" if done else "would be restored"
        kept = "kept" if done else "would be kept"
        for memory in self.memories:
            what = {"removed": removed, "restored": restored, "kept": kept}[memory.action]
            why = f", since {memory.reason}" if memory.reason else ""
            yield f"memory {what}{why}: {one_line(memory.content, 200)}"
        for task in self.tasks:
            back = f"{'is' if done else 'would be'} {task.status.replace('_', ' ')} again"
            what = {"removed": removed, "restored": back, "kept": kept}[task.action]
            why = f", since {task.reason}" if task.reason else ""
            yield f"task {what}{why}: {one_line(task.title, 200)}"
        for tool in self.tools:
            if tool.name == CHANGES:
                yield f"cannot be undone: what turn {tool.turn} wrote to your folder"
                continue
            args = one_line(json.dumps(tool.args, ensure_ascii=False, default=str), 120)
            ended = "" if tool.outcome == "success" else f" ({tool.outcome})"
            yield f"cannot be undone: {tool.name} {args}{ended}"


class Undoer:
    """Undoes turns of one session.

    Args:
        store: The record.
        session_id: Which session.
        context: What is sent to the model, read anew afterwards.
    """

    def __init__(self, store: StructuredMemoryStore, session_id: str, context: SessionContext) -> None:
        self._store = store
        self._session_id = session_id
        self._context = context

    async def last(self) -> int:
        """Return the number of the last turn.

        Raises:
            UsageError: There is none.
        """
        turns = await self._store.journal.turns(self._session_id)
        if not turns:
            raise UsageError("There is no turn to undo.")
        return turns[-1].number

    async def rewind(self, number: int, *, also_written: bool, rehearse: bool = False) -> Undone:
        """Undo turn `number` and all after it.

        Args:
            number: The first turn to undo.
            also_written: Whether the memories and tasks they wrote become what they were before.
            rehearse: Whether only to say what would be undone.

        Raises:
            UsageError: There is no such turn.
        """
        journal = self._store.journal
        turns = [turn for turn in await journal.turns(self._session_id) if turn.number >= number]
        if not turns or number < 1:
            raise UsageError(f"This conversation has no turn {number}.")
        rows = await journal.rows(self._session_id)
        rewound = await self._store.undoing.rewind(
            self._session_id, number, also_written=also_written, rehearse=rehearse
        )
        if not rehearse:
            self._context.reset()
        undone = _undone(turns, rows, rewound, also_written)
        undone.tools.extend(await self._written({turn.id: turn.number for turn in turns}))
        return undone

    async def _written(self, numbers: Mapping[int, int]) -> list[ToolEffect]:
        """Return where changes of a turn were taken over into the person's folder."""
        events = await self._store.audit.find(session_id=self._session_id, limit=_DECISIONS)
        return [
            ToolEffect(turn=numbers[int(event["run_id"])], name=CHANGES, args={}, outcome="success")
            for event in events
            if event["run_id"].isdecimal()
            and int(event["run_id"]) in numbers
            and event["payload"].get("tool") == CHANGES
            and event["payload"].get("outcome") == "allowed"
        ]


def _undone(turns: Sequence[TurnRecord], rows: Sequence[JournalRow], rewound: Rewound, also_written: bool) -> Undone:
    numbers = {turn.id: turn.number for turn in turns if turn.id in rewound.turn_ids}
    texts: dict[int, str] = {}
    for row in rows:
        if row.role == "user" and row.turn_id in numbers:
            texts.setdefault(row.turn_id, row.content)
    passed_over = WITHOUT_EFFECT | TAKEN_BACK if also_written else WITHOUT_EFFECT
    tools = []
    args = _arguments(rows)
    for row in rows:
        ran = row.role == "tool" and row.outcome not in _NEVER_RAN
        if ran and row.turn_id in numbers and row.tool_name and row.tool_name not in passed_over:
            tools.append(
                ToolEffect(
                    turn=numbers[row.turn_id],
                    name=row.tool_name,
                    args=args.get(row.tool_call_id or "", {}),
                    outcome=row.outcome or "success",
                )
            )
    return Undone(
        turns=[UndoneTurn(id=key, number=number, text=texts.get(key, "")) for key, number in numbers.items()],
        memories=rewound.memories,
        tasks=rewound.tasks,
        tools=tools,
        summary_dropped=rewound.summary_dropped,
    )


def _arguments(rows: Sequence[JournalRow]) -> dict[str, dict[str, Any]]:
    """Return the arguments of every tool call by its id."""
    from pydantic_ai.messages import ModelResponse, ToolCallPart

    from lra.session.history import load

    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.role == "assistant" and isinstance(message := load(row), ModelResponse):
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    try:
                        found[part.tool_call_id] = part.args_as_dict()
                    except (ValueError, AssertionError):
                        found[part.tool_call_id] = {"arguments": str(part.args)}
    return found
