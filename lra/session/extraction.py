"""Facts of a conversation, picked out by its model when it has ended and the person has chosen so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic_ai.exceptions import AgentRunError

from lra.agent import facts
from lra.agent.facts import Fact, Said
from lra.agent.locality import may_see_local_only
from lra.agent.names import OFFLINE
from lra.agent.prices import spent_on
from lra.agent.providers import build_model
from lra.errors import LraError, RefusedError
from lra.memory.spaces import USER, project_space
from lra.runtime import Runtime
from lra.store.extractions import Owed
from lra.store.records import SessionRecord, TurnRecord
from lra.text import one_line

if TYPE_CHECKING:
    from pydantic_ai.models import Model

CLOSING_SECONDS = 8.0
"""How long closing waits for a model; what is not done by then is done after a later start."""
_LATER_SECONDS = 120.0
_PAUSE = 5.0
"""Seconds after a start in which nothing is asked: the first message comes first."""
_KEYS = 60
_SHOWN = 4
_CONFIDENCE = 0.8

logger = logging.getLogger("lra.session")


async def extract_facts(runtime: Runtime, session_id: str, model: Model | None) -> None:
    """Note that a session has ended, and pick its facts out when there is a model and time.

    Args:
        runtime: The process's shared parts.
        session_id: Which session.
        model: The session's model; None leaves the work to a later start.
    """
    store = runtime.store
    if (await store.sessions.get(session_id)).private:
        return
    await store.extractions.owe(session_id)
    if model is None or model.system == "lra":
        return
    for seq in await store.extractions.owed(session_id):
        await _settle(runtime, seq, model, CLOSING_SECONDS)


async def extract_owed(runtime: Runtime, *, pause: float = _PAUSE) -> None:
    """Pick out the facts of sessions whose process had no time for it, each by its own model.

    Args:
        runtime: The process's shared parts.
        pause: Seconds to wait first.
    """
    await asyncio.sleep(pause)
    for seq in await runtime.store.extractions.owed():
        await _settle(runtime, seq, None, _LATER_SECONDS)


async def told(runtime: Runtime) -> list[str]:
    """Return the sentence that shows the person what was picked out since the last start; counts it as shown."""
    ids = await runtime.store.extractions.tell()
    found = await runtime.store.memories.by_ids(ids) if ids else {}
    kept = [record for record in found.values() if record.superseded_by is None]
    if not kept:
        return []
    shown = "; ".join(f"“{one_line(record.content, 80)}” ({record.id})" for record in kept[:_SHOWN])
    more = f"; and {len(kept) - _SHOWN} more" if len(kept) > _SHOWN else ""
    return [f"Remembered from what you said before: {shown}{more}. /memory shows them, /forget ID erases one."]


async def _settle(runtime: Runtime, seq: int, model: Model | None, seconds: float) -> None:
    """Do one piece of the work, or leave it for another time."""
    store = runtime.store
    owed = await store.extractions.claim(seq)
    if owed is None:
        return
    try:
        record = await store.sessions.get(owed.session_id)
        if model is None:
            model = await asyncio.to_thread(build_model, record.model or OFFLINE, runtime.settings)
        if model.system == "lra":
            # Nobody has said anything to a language model, which alone could pick facts out.
            await store.extractions.done(seq, [])
            return
        async with asyncio.timeout(seconds):
            await _Extraction(runtime, record, model, owed).run()
    except (AgentRunError, TimeoutError, LraError) as error:
        logger.info("facts could not be picked out: %s", type(error).__name__)
        await store.extractions.give_back(seq)
    except asyncio.CancelledError:
        await store.extractions.give_back(seq)
        raise


class _Extraction:
    """The facts of one part of a session."""

    def __init__(self, runtime: Runtime, record: SessionRecord, model: Model, owed: Owed) -> None:
        self._runtime = runtime
        self._record = record
        self._model = model
        self._owed = owed
        self._local = may_see_local_only(record.model, runtime.settings)
        self._wrote: list[str] = []

    async def run(self) -> None:
        store = self._runtime.store
        turns = await store.journal.turns(self._record.id)
        numbers = {turn.number: turn for turn in turns}
        for part in facts.portions(await self._lines(turns)):
            response = await facts.ask(
                self._model, part, keys=await self._keys(), kept=await self._kept([numbers[line.turn] for line in part])
            )
            spent = await asyncio.to_thread(spent_on, response, self._model)
            await store.extractions.spend(self._owed.seq, self._record.model, spent)
            for fact in facts.read(response.text or "", part):
                await self._write(fact, numbers[fact.turn])
        await store.extractions.done(self._owed.seq, self._wrote)

    async def _lines(self, turns: Sequence[TurnRecord]) -> list[Said]:
        """Return what was said, without the turns that this model may not see."""
        seen = {turn.id: turn for turn in turns if self._local or not self._confided(turn)}
        store, after = self._runtime.store, self._owed.after
        known = await store.extractions.open_to_memory(self._record.id, after)
        rows = [row for row in await store.journal.rows(self._record.id, after=after) if row.seq in known]
        # An answer belongs to its question, also where it came after the last row that was counted.
        asked = {row.turn_id for row in rows if row.role == "user" and row.seq <= self._owed.until}
        return [
            Said(
                turn=seen[row.turn_id].number,
                day=datetime.fromtimestamp(row.created_at / 1e6, UTC).date(),
                role=row.role,
                text=row.content,
            )
            for row in rows
            if row.turn_id in asked and row.turn_id in seen and row.role in {"user", "assistant"} and row.content
        ]

    def _confided(self, turn: TurnRecord) -> bool:
        """Tell whether a turn was held with a model on this machine, which may have seen local-only memories."""
        return may_see_local_only(turn.model, self._runtime.settings)

    async def _keys(self) -> list[str]:
        found = await self._runtime.memory.find(limit=_KEYS * 4)
        visible = (record for record in found if self._local or not record.local_only)
        keys = [record.key for record in visible if record.key and record.kind != "summary" and record.agent is None]
        return list(dict.fromkeys(keys))[:_KEYS]

    async def _kept(self, turns: Sequence[TurnRecord]) -> list[str]:
        ids = list(dict.fromkeys(memory_id for turn in turns for memory_id in turn.remembered))
        found = await self._runtime.store.memories.by_ids([*ids, *self._wrote])
        return [record.content for record in found.values() if self._local or not record.local_only]

    async def _write(self, fact: Fact, turn: TurnRecord) -> None:
        """Write one fact as any other is written; what may not be written is left out."""
        since = fact.since
        moment = int(datetime(since.year, since.month, since.day, tzinfo=UTC).timestamp() * 1e6) if since else None
        recalled = await self._runtime.store.memories.by_ids(turn.recalled)
        space = USER
        if fact.project and self._record.folder:
            space = await asyncio.to_thread(project_space, Path(self._record.folder))
        try:
            write = await self._runtime.memory.remember(
                fact.content,
                kind=fact.kind,
                key=fact.key,
                source="extraction",
                session_id=self._record.id,
                turn_id=turn.id,
                namespace=space,
                confidence=_CONFIDENCE,
                quote=fact.quote,
                valid_from=moment if moment is not None else turn.started_at,
                # What was said beside a local-only memory may repeat a part of it.
                local_only=any(record.local_only for record in recalled.values()),
            )
        except RefusedError as refused:
            logger.info("a fact was not kept: %s", type(refused).__name__)
            return
        if not write.echo and write.action != "merged":
            self._wrote.append(write.record.id)
