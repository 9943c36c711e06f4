"""The history a session sends: loaded from the journal, shortened when it grows too long."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelMessage, repair_messages
from pydantic_ai.models import Model

from lra.agent.context import (
    FULL,
    TARGET,
    estimate_tokens,
    recent_part,
    trim_tool_results,
    window_of,
    with_summary,
)
from lra.agent.failures import explain
from lra.agent.summary import Line, extract, summarize
from lra.errors import UsageError
from lra.events import Compacted
from lra.session.history import parse
from lra.store import JournalRow, StructuredMemoryStore
from lra.store.records import SessionRecord

SUMMARY_SECONDS = 30.0
"""How long a turn waits for a model's summary before it takes an extract."""
_STEPS_BACK = 10
"""Compactions that can be undone one by one; then comes the full history."""


@dataclass(frozen=True, slots=True)
class Uncompacted:
    """What undoing a compaction did."""

    before_tokens: int
    after_tokens: int


class SessionContext:
    """Keeps the messages of a session in memory, in step with the journal.

    What is left out is noted in the session's row, so that a resumed session sends the same; the journal keeps all.
    """

    def __init__(self, store: StructuredMemoryStore, record: SessionRecord, *, ask_model: bool = True) -> None:
        self._ask_model = ask_model
        self._store = store
        self._session_id = record.id
        self._rows: list[JournalRow] = []
        self._loaded: list[ModelMessage] = []
        """The messages of `_rows`, parsed once."""
        self._shown: list[ModelMessage] | None = None
        """The history as it is sent, until something changes."""
        self._last_seq = 0
        self._reading = asyncio.Lock()
        self._generation: int | None = None
        self._take(record)

    def _take(self, record: SessionRecord) -> None:
        state: dict[str, Any] = json.loads(record.compaction) if record.compaction else {}
        self._state = state
        """The state as it is kept, with the one before it."""
        self._summary: str = state.get("summary", "")
        self._after: int = state.get("after", 0)
        """Rows up to here are represented by the summary."""
        self._trimmed: int = state.get("trimmed", 0)
        """Tool results up to here are sent shortened."""

    async def messages(self) -> list[ModelMessage]:
        """Return the history to send, with everything journalled so far."""
        await self.refresh()
        return self._history()

    async def refresh(self) -> None:
        """Read what was journalled since the last time."""
        # Whoever shows how full the context is reads beside the turn that begins: each row is taken once.
        async with self._reading:
            await self._refresh()

    async def _refresh(self) -> None:
        generation = await self._store.forgetting.generation()
        if generation is None or generation != self._generation:
            # Forgetting has changed the rows, and perhaps the summary that stands for earlier ones.
            self._take(await self._store.sessions.get(self._session_id))
            self._rows, self._loaded, self._last_seq, self._generation = [], [], self._after, generation
            self._shown = None
        fresh = await self._store.journal.rows(self._session_id, after=max(self._last_seq, self._after))
        if fresh:
            self._rows += fresh
            self._loaded += parse(fresh)
            self._last_seq = fresh[-1].seq
            self._shown = None

    def _history(self) -> list[ModelMessage]:
        if self._shown is None:
            history = repair_messages(self._loaded)
            if self._trimmed:
                cut = sum(row.seq <= self._trimmed and row.role == "tool" for row in self._rows)
                total = sum(row.role == "tool" for row in self._rows)
                history, _ = trim_tool_results(history, keep=total - cut)
            self._shown = with_summary(self._summary, history) if self._summary else history
        return list(self._shown)

    def lines(self) -> list[Line]:
        """Return what was said, for a summary."""
        return [Line(row.role, row.content) for row in self._rows if row.role in {"user", "assistant"} and row.content]

    def reset(self) -> None:
        """Read everything anew, after a rewind."""
        self._generation = None

    async def make_room(self, model: Model, extra_tokens: int = 0) -> tuple[list[ModelMessage], Compacted | None]:
        """Return the history as last read, shortened when it and what comes next would fill the window too far.

        Args:
            model: The model that will be asked.
            extra_tokens: Estimated size of what is about to be added.

        Returns:
            The history to send, and what was done, None when there was room.
        """
        history = self._history()
        window = window_of(model)
        size = estimate_tokens(history)
        if size + extra_tokens <= window * FULL:
            return history, None
        trimmed, count = trim_tool_results(history)
        after = estimate_tokens(trimmed)
        if count and after + extra_tokens <= window * FULL:
            results = [row.seq for row in self._rows if row.role == "tool"]
            async with self._reading:
                self._trimmed = results[-3] if len(results) > 2 else 0
                self._shown = None
                await self._save()
            compacted: Compacted | None = Compacted(
                strategy="tool_results",
                before_tokens=size,
                after_tokens=after,
                detail=f"{count} old tool results shortened",
            )
        else:
            compacted = await self.compact(model, target=int(window * TARGET))
        return await self.messages(), compacted

    async def compact(self, model: Model, *, target: int = 0) -> Compacted | None:
        """Replace the older turns by a summary, by the model when it is one.

        Args:
            model: Who summarises; the offline model stands for extraction.
            target: Tokens of recent turns to keep whole; the last turn always stays.

        Returns:
            What was done, or None when there is nothing to shorten.
        """
        history = await self.messages()
        size = estimate_tokens(history)
        old, recent = recent_part(repair_messages(self._loaded), target)
        boundary = self._boundary(recent)
        if not old or boundary <= self._after:
            return None
        lines = [Line(row.role, row.content) for row in self._rows if row.seq <= boundary and row.content]
        if self._summary:
            lines.insert(0, Line("user", self._summary))
        summary, problem = await self._summarise(model, lines)
        async with self._reading:
            self._summary, self._after, self._generation = summary, boundary, None
            await self._save()
        after = estimate_tokens(await self.messages())
        return Compacted(
            strategy="summary", before_tokens=size, after_tokens=after, detail=self._summary, problem=problem
        )

    def _boundary(self, recent: list[ModelMessage]) -> int:
        """Return the last journal row before the kept turns."""
        kept = len([m for m in recent if any(p.part_kind == "user-prompt" for p in m.parts)])
        starts = [row.seq for row in self._rows if row.role == "user"]
        return starts[-kept] - 1 if 0 < kept <= len(starts) else 0

    async def _summarise(self, model: Model, lines: list[Line]) -> tuple[str, str]:
        """Return a summary, and why the model made none where it was asked."""
        problem = ""
        if model.system != "lra" and self._ask_model:
            try:
                async with asyncio.timeout(SUMMARY_SECONDS):
                    summary = await summarize(model, lines)
            except TimeoutError:
                problem = f"{model.model_name} took longer than {SUMMARY_SECONDS:.0f} s."
            except AgentRunError as error:
                problem = explain(error, model.model_name).message
            else:
                await self._store.spending.add(self._session_id, "summary", model.model_name, summary.spent)
                if summary.text:
                    return summary.text, ""
                problem = f"{model.model_name} gave an empty answer."
        return extract(lines, limit=3_000), problem

    async def uncompact(self, window: int) -> Uncompacted | None:
        """Send again what the last compaction left out.

        Args:
            window: The model's context window.

        Returns:
            What was done, or None when nothing is left out.

        Raises:
            UsageError: It would not fit the window.
        """
        history = await self.messages()
        if not self._state:
            return None
        kept, before = self._state, estimate_tokens(history)
        await self._restore(kept.get("before") or {})
        after = estimate_tokens(await self.messages())
        if after > window * FULL:
            await self._restore(kept)
            raise UsageError(
                f"The history before the last shortening is about {after:,} tokens, and the next turn would shorten it"
                f" again: at most {int(window * FULL):,} of the model's {window:,} are for it.",
                hint="A model with a larger window can take it.",
            )
        if not self._summary:
            # It was left in memory when the conversation was shortened; its end leaves one in any case.
            await self._store.undoing.summary(self._session_id)
        return Uncompacted(before, after)

    async def _restore(self, state: dict[str, Any]) -> None:
        async with self._reading:
            await self._store.sessions.update(self._session_id, compaction=json.dumps(state) if state else None)
            self._generation = None

    @property
    def after(self) -> int:
        """Place in the journal up to which the summary stands for what was said; 0 without one."""
        return self._after

    @property
    def summary(self) -> str:
        """What stands for the turns that are left out; empty when none are."""
        return self._summary

    async def _save(self) -> None:
        before = self._state
        self._state = {"summary": self._summary, "after": self._after, "trimmed": self._trimmed, "before": before}
        level = self._state
        for _ in range(_STEPS_BACK):
            level = level.get("before") or {}
        level.pop("before", None)
        await self._store.sessions.update(self._session_id, compaction=json.dumps(self._state))
