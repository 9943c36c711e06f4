"""What a write does to the memories that are there: one is counted, one is replaced, or both stand and contradict."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection, select, update

from lra.errors import UsageError
from lra.store import queue
from lra.store.clock import iso, now_us
from lra.store.journal import content_hash
from lra.store.memories import ROW, Action, insert_memory, record_change, record_of, reindex
from lra.store.records import MemoryRecord, NewMemory
from lra.store.sqlite import raw
from lra.store.tables import memories

Relation = Literal["same", "contrary", "other"]

_LOOKED_AT = 50
"""Rows compared for each probe; the newest, since those are what is said again."""
_TOLD = frozenset({"fact", "preference", "event"})
"""Kinds that are told apart by taste: what is one today is the other tomorrow."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a new text is held against those that are there."""

    probes: tuple[str, ...]
    """Full-text expressions, each of which finds rows worth comparing."""
    relation: Callable[[str], Relation]
    """What an older text is to the new one."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of something to remember."""

    record: MemoryRecord
    action: Action
    contradicts: list[MemoryRecord] = field(default_factory=list)
    """Memories in force that say otherwise of the same thing."""
    replaced: list[MemoryRecord] = field(default_factory=list)
    """Memories whose place it took."""


def check_interval(valid_from: int | None, valid_to: int | None) -> None:
    """Refuse an interval that ends before it begins.

    Raises:
        UsageError: It does.
    """
    if valid_from is not None and valid_to is not None and valid_from > valid_to:
        raise UsageError(
            f"It cannot be valid from {iso(valid_from)[:19]} to {iso(valid_to)[:19]}: that ends before it begins.",
            hint="Swap the two, or leave one out.",
        )


def remember(connection: Connection, new: NewMemory, reading: Reading | None) -> Remembered:
    """Write a memory within the caller's transaction.

    An equal one, or one that says the same in nearly the same words, is counted. One with the same key and another
    value is superseded; a value for a time before it goes into its history. What contradicts without a key stays.

    Args:
        connection: The transaction.
        new: What to write.
        reading: How it is compared with what is there; without, only equal texts are the same.
    """
    check_interval(new.valid_from, new.valid_to)
    keyed = _with_key(connection, new)
    same, contrary = _compared(connection, new, reading)
    replaced = [row for row in keyed if same is None or row.seq != same.seq]
    gone = {row.seq for row in replaced}
    contradicts = [record_of(row) for row in contrary if row.seq not in gone and (same is None or row.seq != same.seq)]
    if same is not None:
        head = _merge(connection, same, new)
        row = connection.execute(select(*ROW).where(memories.c.seq == same.seq)).one()
        record = record_of(row)
        for old in replaced:
            supersede(connection, old, record, new, part_of=head)
        return Remembered(record, "merged", contradicts, list(map(record_of, replaced)))
    start = new.valid_from if new.valid_from is not None else new.created_at
    later = [row for row in replaced if start is not None and _start(row) > start]
    if later:
        return _before(connection, new, min(later, key=_start))
    record = insert_memory(connection, new)
    head = record_change(connection, record.id, "created", new.content, new.source, new)
    for old in replaced:
        supersede(connection, old, record, new, part_of=head)
    return Remembered(record, "superseded" if replaced else "created", contradicts, list(map(record_of, replaced)))


def supersede(connection: Connection, old: Any, by: MemoryRecord, new: NewMemory, *, part_of: int) -> None:
    """Take a memory out of force, for another that says what holds now."""
    end = by.valid_from or by.created_at
    connection.execute(
        update(memories)
        .where(memories.c.seq == old.seq)
        .values(
            superseded_by=by.id,
            # What had ended by itself ended then.
            valid_to=end if old.valid_to is None else min(end, old.valid_to),
            updated_at=now_us(),
        )
    )
    was = {"valid_to": old.valid_to}
    record_change(connection, old.id, "superseded", old.content, new.source, new, was=was, part_of=part_of)
    queue.enqueue(connection, "memory", [old.id], "delete")


def key_forms(key: str) -> list[str]:
    """Return the ways in which one key is written: `user.dog_name`, `User.dog.name`."""
    forms = [key, key.lower()]
    forms += [form.replace("_", ".") for form in forms] + [form.replace(".", "_") for form in forms]
    head, _, tail = key.lower().partition(".")
    forms.append(f"{head}.{tail.replace('.', '_')}" if tail else head)
    return list(dict.fromkeys(forms))


def _with_key(connection: Connection, new: NewMemory) -> Sequence[Any]:
    if not new.key:
        return []
    return _live(connection, new, f'namespace = ? AND "key" {_AMONG}', new.namespace, json.dumps(key_forms(new.key)))


# Each condition has an index of its own; the plus keeps that of the namespace out of it.
# What every write runs is written out: building a statement takes longer than SQLite takes to run it.
_LIVE = (
    "SELECT "
    + ", ".join(f'"{column.name}"' for column in ROW)
    + " FROM memories WHERE +namespace = ? AND agent IS ? AND superseded_by IS NULL AND "
)
_AMONG = "IN (SELECT value FROM json_each(?))"


def _live(connection: Connection, new: NewMemory, condition: str, *parameters: object) -> Sequence[Any]:
    """Return the memories in force beside which a new one would stand."""
    return connection.exec_driver_sql(_LIVE + condition, (new.namespace, new.agent, *parameters)).all()


def _compared(connection: Connection, new: NewMemory, reading: Reading | None) -> tuple[Any, list[Any]]:
    """Return the memory that says the same, and those that say otherwise."""
    equal = _live(connection, new, "content_hash = ? AND kind = ?", content_hash(new.content), new.kind)
    same = next((row for row in equal if _joins(row, new)), None)
    contrary: dict[int, Any] = {}
    for row in _probed(connection, new, reading) if reading is not None else ():
        match reading.relation(row.content) if reading else "other":
            case "same" if same is None and _joins(row, new):
                same = row
            case "contrary" if row.kind == new.kind or {row.kind, new.kind} <= _TOLD:
                contrary[row.seq] = row
    return same, list(contrary.values())


def _joins(row: Any, new: NewMemory) -> bool:
    """Return whether saying it again may be counted in a row, as far as everything but its text goes."""
    if row.kind != new.kind and not {row.kind, new.kind} <= _TOLD:
        return False
    if row.key and new.key and row.key not in key_forms(new.key):
        return False
    if bool(row.local_only) != new.local_only:
        return False
    now = now_us()
    begins, ends = new.valid_from == row.valid_from, new.valid_to == row.valid_to
    if row.valid_to is not None and row.valid_to <= now:
        return bool(begins and ends)
    return bool((new.valid_from is None or begins) and (new.valid_to is None or ends))


def _probed(connection: Connection, new: NewMemory, reading: Reading) -> Sequence[Any]:
    seqs: list[int] = []
    for probe in reading.probes:
        # Walked from the newest row backwards, so that it ends after a few even where many match.
        query = (
            "SELECT f.rowid FROM memories_fts f CROSS JOIN memories d ON d.seq = f.rowid WHERE f.memories_fts MATCH ?"
            " AND d.superseded_by IS NULL AND d.namespace = ? AND (d.valid_to IS NULL OR d.valid_to > ?)"
            " ORDER BY f.rowid DESC LIMIT ?"
        )
        rows = raw(connection).execute(query, (probe, new.namespace, now_us(), _LOOKED_AT)).fetchall()
        seqs += [row[0] for row in rows]
    if not seqs:
        return []
    found = _live(connection, new, f"seq {_AMONG}", json.dumps(seqs))
    return sorted(found, key=lambda row: -row.seq)


def _merge(connection: Connection, same: Any, new: NewMemory) -> int:
    """Count a memory that was said again; returns the line of its history."""
    tags = json.loads(same.tags)
    values = {
        "count": same.count + 1,
        "key": same.key or new.key,
        "pin": int(bool(same.pin) or new.pin),
        "tags": json.dumps([*tags, *(tag for tag in new.tags if tag not in tags)]),
        "confidence": max(same.confidence, new.confidence),
    }
    changed = update(memories).where(memories.c.seq == same.seq)
    connection.execute(changed.values(**values, updated_at=now_us()))
    was = {name: getattr(same, name) for name in ("key", "pin", "tags", "confidence")}
    head = record_change(connection, same.id, "merged", new.content, new.source, new, was=was)
    if (values["key"], values["tags"]) != (same.key, same.tags):
        reindex(connection, same.seq)
    return head


def _start(row: Any) -> int:
    return int(row.valid_from if row.valid_from is not None else row.created_at)


def _before(connection: Connection, new: NewMemory, later: Any) -> Remembered:
    """Write a value for a time before the one in force, straight into the history."""
    record = insert_memory(connection, new)
    record_change(connection, record.id, "created", new.content, new.source, new)
    end = _start(later) if new.valid_to is None else min(new.valid_to, _start(later))
    connection.execute(
        update(memories).where(memories.c.seq == record.seq).values(superseded_by=later.id, valid_to=end)
    )
    queue.enqueue(connection, "memory", [record.id], "delete")
    return Remembered(record_of(connection.execute(select(*ROW).where(memories.c.seq == record.seq)).one()), "created")
