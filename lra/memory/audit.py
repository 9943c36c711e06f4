"""What is wrong with what is remembered: secrets, junk, duplicates, stale memories, open contradictions."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lra.memory import secrets, statements
from lra.memory.wording import core
from lra.store import MemoryRecord, StructuredMemoryStore
from lra.store.clock import now_us

Name = Literal["secrets", "duplicates", "contradictions", "junk", "stale"]

_EXAMPLES = 3
_SHORT = 2
_LONG = 20_000
_YEAR = 365 * 24 * 3600 * 1_000_000
_COMPARED = frozenset({"fact", "preference", "event", "instruction"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of trouble."""

    name: Name
    what: str
    """What was counted, as a sentence without its end: `memories that hold a secret`."""
    ids: tuple[str, ...]
    examples: tuple[str, ...]
    """A few of them, safe to show: a secret is masked."""
    fix: str
    """The command that helps; empty when there is nothing to do."""

    @property
    def count(self) -> int:
        """How many memories are concerned."""
        return len(self.ids)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "what": self.what,
            "count": self.count,
            "ids": list(self.ids),
            "examples": list(self.examples),
            "fix": self.fix,
        }


async def examine(store: StructuredMemoryStore) -> list[Finding]:
    """Look at every memory in force and return what is wrong, each kind once; counts may be zero.

    Secrets are looked for in what was superseded as well, since it is kept too.
    """
    records = await store.memories.find(superseded=True)
    return await asyncio.to_thread(findings, records)


def findings(records: Sequence[MemoryRecord]) -> list[Finding]:
    """Return what is wrong with these memories, newest first; may take a while."""
    now = now_us()
    live = [record for record in records if record.superseded_by is None]
    held = [record for record in live if record.valid_to is None or record.valid_to > now]
    secret = [record for record in records if secrets.find_secrets(_everything(record))]
    junk = [record for record in live if _junk(record)]
    forget = "lra memory forget {ids}"
    return [
        _finding("secrets", "memories that hold a key, token, password or card number", secret, forget),
        _finding("duplicates", "memories that say what a newer one says", _repeated(held), forget),
        _finding("contradictions", "memories that a newer one contradicts", _contradicted(held), forget),
        _finding("junk", "memories without a statement", junk, forget),
        _finding(
            "stale", "memories that hold no longer, or are old and unsure", _stale(live, now), "lra memory show {id}"
        ),
    ]


def _finding(name: Name, what: str, found: Iterable[MemoryRecord], fix: str) -> Finding:
    found = list(found)
    ids = tuple(record.id for record in found)
    examples = tuple(f"{record.id}: {secrets.masked(record.content)[:120]}" for record in found[:_EXAMPLES])
    named = fix.format(ids=" ".join(ids[:_EXAMPLES]) + (" …" if len(ids) > _EXAMPLES else ""), id=ids[0]) if ids else ""
    return Finding(name=name, what=what, ids=ids, examples=examples, fix=named)


def _everything(record: MemoryRecord) -> str:
    return "\n".join([record.content, record.key or "", *record.tags, json.dumps(record.metadata, ensure_ascii=False)])


def _space(record: MemoryRecord) -> tuple[str, str | None]:
    return record.namespace, record.agent


def _groups(records: Iterable[MemoryRecord], name: Callable[[MemoryRecord], Any]) -> Iterable[list[MemoryRecord]]:
    groups: dict[Any, list[MemoryRecord]] = defaultdict(list)
    for record in records:
        if record.kind in _COMPARED and (key := name(record)) is not None:
            groups[(*_space(record), key)].append(record)
    return groups.values()


def _repeated(records: Iterable[MemoryRecord]) -> list[MemoryRecord]:
    """Return what a newer memory says as well, in the same words or as the same statement."""
    records = list(records)
    found: dict[str, MemoryRecord] = {}

    def stated(record: MemoryRecord) -> Any:
        said = statements.read(record.content)
        return (said.about, said.value) if said else None

    for name in (lambda record: core(record.content) or None, stated):
        for group in _groups(records, name):
            for older in group[1:]:
                if not (older.key and group[0].key and older.key != group[0].key):
                    found[older.id] = older
    return list(found.values())


def _contradicted(records: Iterable[MemoryRecord]) -> list[MemoryRecord]:
    def about(record: MemoryRecord) -> Any:
        said = statements.read(record.content)
        return said.about if said and said.single else None

    found = []
    for group in _groups(records, about):
        newest = statements.read(group[0].content)
        for older in group[1:]:
            said = statements.read(older.content)
            if newest and said and statements.contrary(newest, said):
                found.append(older)
    return found


def _junk(record: MemoryRecord) -> bool:
    """Return whether a memory tells nothing: no words, a lone word, a question, or a page of something."""
    text = record.content.strip()
    if record.kind == "summary" or record.pin:
        return False
    words = core(text)
    if not words or text == "[forgotten]":
        return True
    alone = len(words) < _SHORT and text.isascii() and not record.key
    return alone or text.endswith("?") or len(text) > _LONG


def _stale(records: Iterable[MemoryRecord], now: int) -> list[MemoryRecord]:
    return [
        record
        for record in records
        if (record.valid_to is not None and record.valid_to <= now)
        or (record.confidence < 0.5 and record.updated_at < now - _YEAR and not record.pin)
    ]
