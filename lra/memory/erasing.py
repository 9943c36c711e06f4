"""Forgetting from the person's side: what a request means, and that the index forgets as well."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from lra.errors import NotFoundError, UsageError
from lra.memory.index.exact import has_files, purge
from lra.store import StructuredMemoryStore
from lra.store.erasure import Erasure, Receipt, Target
from lra.store.forgetting import Forgotten
from lra.store.fts import QueryTerms
from lra.store.redaction import span_pattern
from lra.store.sqlite import raw

OWNER_SECONDS = 5.0
"""How long the process that keeps the index is waited for."""
_POLL = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a request to forget would do."""

    erasure: Erasure
    messages: int = 0
    """Messages that go with whole conversations or with a time, beyond the targets."""
    also: int = 0
    """Targets that nobody named: earlier values, and what was derived."""

    @property
    def empty(self) -> bool:
        """Whether there is nothing to forget."""
        return not (self.erasure.targets or self.erasure.sessions or self.messages)

    def sentence(self) -> str:
        """Return what would go, counted."""
        memories, turns = len(self.erasure.ids("memory")), len(self.erasure.ids("turn")) + self.messages
        parts = [_many(memories, "memory", "memories")] if memories else []
        parts += [_many(turns, "message", "messages")] if turns else []
        parts += [_many(len(self.erasure.sessions), "conversation", "conversations")] if self.erasure.sessions else []
        return " and ".join(parts) or "nothing"


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"


class Eraser:
    """Plans and does what a person wants forgotten.

    Args:
        store: The record.
    """

    def __init__(self, store: StructuredMemoryStore) -> None:
        self._store = store

    async def plan(
        self,
        ids: Sequence[str] = (),
        *,
        query: str | None = None,
        session: str | None = None,
        before: int | None = None,
        files: Sequence[Path] = (),
        typed: Sequence[str] = (),
    ) -> Plan:
        """Return what would be forgotten; nothing changes.

        Args:
            ids: Memories, or messages that a search found.
            query: Every memory and every message that holds all of these words.
            session: A conversation as a whole, with the memories that came from it.
            before: Every memory and message from before this moment (microseconds, UTC).
            files: Prompt histories that are to forget as well.
            typed: What was typed to find it, and goes from them.

        Raises:
            NotFoundError: An id or a session is not there.
            UsageError: The query has no words.
        """
        targets = [await self._target(wanted) for wanted in dict.fromkeys(ids)]
        sessions: tuple[str, ...] = ()
        words = tuple(typed)
        messages = 0
        if query is not None:
            terms = QueryTerms.parse(query)
            if not terms:
                raise UsageError("The query has no words to look for.")
            targets += await self._store.database.query(lambda connection: _holding(connection, terms))
            words += (query,)
        if session is not None:
            record = await self._store.sessions.resolve(session)
            sessions = (record.id,)
            found = await self._store.memories.find(session_id=record.id, superseded=True)
            targets += [Target.of(memory) for memory in found]
            rows = await self._store.journal.rows(record.id)
            messages += len(rows)
            words += tuple(row.content for row in rows if row.role == "user")
        if before is not None:
            old, count = await self._store.database.query(lambda connection: _before(connection, before))
            targets += old
            messages += count
        named = {target.id: target for target in targets}
        whole = await self._store.database.query(lambda connection: _with_derived(connection, list(named.values())))
        erasure = Erasure(
            targets=tuple(whole), sessions=sessions, before=before, typed=words, files=tuple(map(str, files))
        )
        also = len({target.id for target in whole}) - len(named)
        return Plan(erasure=erasure, messages=messages, also=also)

    async def _target(self, wanted: str) -> Target:
        if turn := (await self._store.journal.by_ids([wanted])).get(wanted):
            return Target.of(turn)
        try:
            return Target.of(await self._store.memories.get(wanted))
        except NotFoundError as error:
            raise NotFoundError(error.message, hint="`lra memory search WORDS` finds memories and messages.") from None

    async def erase(self, plan: Plan, chroma: Path) -> Forgotten:
        """Forget what was planned, the index included.

        Args:
            plan: What to forget.
            chroma: Where Chroma's folder is, if there is one.
        """
        forgotten = await self._store.forgetting.erase(plan.erasure)
        ids = [target.id for target in plan.erasure.targets]
        left, notes = await self._clear_index(chroma, ids)
        receipt: Receipt = forgotten.receipt.with_store("Chroma", left, notes)
        if await asyncio.to_thread(has_files, self._store.database.path):
            receipt = receipt.with_store("vector files", await purge(self._store.database))
        return Forgotten(
            rows=forgotten.rows,
            sessions=forgotten.sessions,
            still_mentioned=forgotten.still_mentioned,
            receipt=receipt,
        )

    async def _clear_index(self, chroma: Path, ids: Sequence[str]) -> tuple[int, list[str]]:
        if not ids or not await asyncio.to_thread((chroma / "chroma.sqlite3").exists):
            return 0, []
        path = self._store.database.path
        left = await asyncio.to_thread(_discard, chroma, path, ids)
        if left is not None:
            return left, []
        # Another process, or this one's worker, keeps the folder: it learns of it from the outbox.
        end = time.monotonic() + OWNER_SECONDS
        query = "SELECT count(*) FROM index_queue WHERE op = 'delete' AND ref IN (SELECT value FROM json_each(?))"
        while True:
            ((waiting,),) = await self._store.database.rows(query, (json.dumps(list(ids)),))
            if not waiting or time.monotonic() > end:
                break
            await asyncio.sleep(_POLL)
        return waiting, ["The process that keeps the index has still to remove them from it."] if waiting else []


def _discard(chroma: Path, database: Path, ids: Sequence[str]) -> int | None:
    """Remove rows from Chroma's folder; None when another process keeps it. Blocks."""
    from lra.memory.index.chroma import ChromaFolder, IllIndexError

    folder = ChromaFolder(chroma, database, "")
    try:
        if not folder.acquire():
            return None
        folder.open()
        return folder.discard(ids)
    except (IllIndexError, OSError):
        # What cannot be read answers nobody; it is put aside and built anew from the record.
        return len(ids)
    finally:
        folder.release()


def _holding(connection: Connection, terms: QueryTerms) -> list[Target]:
    """Return the memories and messages that hold every term."""
    parts = [f'content : "{word}"' for word in terms.words] + [f'grams : "{pair}"' for pair in _pairs(terms)]
    match = " AND ".join(parts)
    found = []
    for table, index, kind, live in (
        ("memories", "memories_fts", "memory", "1"),
        ("journal", "journal_fts", "turn", "d.hidden IN (0, 1)"),
    ):
        query = (
            f"SELECT d.id, d.content, d.session_id, d.turn_id FROM {index} JOIN {table} d ON d.seq = {index}.rowid"
            f" WHERE {index} MATCH ? AND {live} ORDER BY d.seq"
        )
        for row in raw(connection).execute(query, (match,)).fetchall():
            found.append(Target(kind=kind, id=row[0], content=row[1], session_id=row[2], turn_id=row[3]))  # type: ignore[arg-type]
    return found


def _pairs(terms: QueryTerms) -> list[str]:
    return [run[i : i + 2] for run in terms.runs for i in range(max(1, len(run) - 1))]


def _before(connection: Connection, moment: int) -> tuple[list[Target], int]:
    """Return the memories from before a moment, and how many messages are as old."""
    query = "SELECT id, content, session_id, turn_id FROM memories WHERE created_at < ? ORDER BY seq"
    rows = raw(connection).execute(query, (moment,)).fetchall()
    (count,) = raw(connection).execute("SELECT count(*) FROM journal WHERE created_at < ?", (moment,)).fetchone()
    return [_memory(row) for row in rows], int(count)


def _with_derived(connection: Connection, targets: Sequence[Target]) -> list[Target]:
    """Return targets with the values they replaced and what was derived from them."""
    children: dict[str, list[Target]] = {}
    query = (
        "SELECT id, content, session_id, turn_id, superseded_by, coalesce(json_extract(metadata, '$.derived_from'), '')"
        " FROM memories WHERE superseded_by IS NOT NULL OR metadata LIKE '%derived_from%'"
    )
    for *row, by, sources in raw(connection).execute(query).fetchall():
        derived = json.loads(sources) if sources.startswith("[") else [sources]
        for parent in {by, *derived} - {None, ""}:
            children.setdefault(parent, []).append(_memory(row))
    known = {target.id: target for target in [*targets, *_picked_out_of(connection, targets)]}
    waiting = list(known)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.id not in known:
                known[child.id] = child
                waiting.append(child.id)
    # First, so that what is left of them is not counted as another mention.
    return [*_quoted(connection, list(known)), *known.values()]


def _picked_out_of(connection: Connection, targets: Sequence[Target]) -> list[Target]:
    """Return the memories that were picked out of messages, by a model that quoted them."""
    found = []
    query = (
        "SELECT id, content, session_id, turn_id, json_extract(metadata, '$.quote') FROM memories"
        " WHERE source = 'extraction' AND turn_id = ?"
    )
    for target in targets:
        if target.kind == "turn" and target.turn_id is not None:
            rows = raw(connection).execute(query, (target.turn_id,)).fetchall()
            found += [_memory(row[:4]) for row in rows if not row[4] or span_pattern(row[4]).search(target.content)]
    return found


def _quoted(connection: Connection, ids: Sequence[str]) -> list[Target]:
    """Return the words that memories were picked out of: they go from the messages that hold them."""
    query = (
        "SELECT id, json_extract(metadata, '$.quote'), session_id, turn_id FROM memories"
        " WHERE source = 'extraction' AND json_extract(metadata, '$.quote') != ''"
        " AND id IN (SELECT value FROM json_each(?))"
    )
    return [_memory(row) for row in raw(connection).execute(query, (json.dumps(list(ids)),)).fetchall()]


def _memory(row: Sequence[object]) -> Target:
    return Target(
        kind="memory",
        id=str(row[0]),
        content=str(row[1]),
        session_id=row[2],  # type: ignore[arg-type]
        turn_id=row[3],  # type: ignore[arg-type]
    )
