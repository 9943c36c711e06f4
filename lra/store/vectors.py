"""Stored vectors: each text is embedded once per embedder, whatever happens to the index built from them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lra.store.database import Database
from lra.store.queue import Kind, QueueItem
from lra.store.sqlite import raw

_TABLES: Mapping[Kind, str] = {"memory": "memories", "turn": "journal"}


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A searchable row's vector: float32, little-endian, L2-normalised."""

    seq: int
    """Sequence number of the memory or journal row."""
    vector: bytes
    hash: str
    """Of the row's text."""


@dataclass(frozen=True, slots=True)
class VectorMarks:
    """How far the record had come at some moment; everything after it is news."""

    vectors: int = 0
    changes: int = 0
    """Last change of a memory."""
    turns: int = 0

    def same(self, other: VectorMarks, kind: Kind) -> bool:
        """Return whether nothing of a kind is new between the two."""
        mine, its = (self.changes, other.changes) if kind == "memory" else (self.turns, other.turns)
        return (self.vectors, mine) == (other.vectors, its)

    def beyond(self, other: VectorMarks) -> int:
        """Return how many changes lie between the two at most."""
        return max(self.vectors - other.vectors, self.changes - other.changes, self.turns - other.turns)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexText:
    """A row that belongs into the vector index."""

    kind: Kind
    id: str
    seq: int
    namespace: str
    content: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedVector:
    """A row of the vector index, as it should be."""

    kind: Kind
    id: str
    seq: int
    namespace: str
    vector: bytes


class VectorStore:
    """Rows of the `vectors` table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, fingerprint: str, hashes: Sequence[str]) -> dict[str, bytes]:
        """Return the vectors that exist for these content hashes."""

        def work(connection: Connection) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for start in range(0, len(hashes), 500):
                part = tuple(hashes[start : start + 500])
                marks = ", ".join("?" * len(part))
                rows: Any = connection.exec_driver_sql(
                    f"SELECT content_hash, vector FROM vectors WHERE fingerprint = ? AND content_hash IN ({marks})",
                    (fingerprint, *part),
                )
                found.update((row["content_hash"], row["vector"]) for row in rows.mappings())
            return found

        return await self._database.query(work)

    async def put(self, fingerprint: str, vectors: Mapping[str, bytes]) -> None:
        """Store vectors by content hash."""
        if not vectors:
            return

        def work(connection: Connection) -> None:
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO vectors(content_hash, fingerprint, vector) VALUES (?, ?, ?)",
                [(name, fingerprint, vector) for name, vector in vectors.items()],
            )

        await self._database.write(work)

    async def count(self, fingerprint: str) -> int:
        """Return how many texts are embedded with one embedder."""
        (row,) = await self._database.rows("SELECT count(*) FROM vectors WHERE fingerprint = ?", (fingerprint,))
        return int(row[0])

    async def marks(self) -> VectorMarks:
        """Return how far the record has come."""
        return await self._database.query(marks)

    async def texts(self, items: Sequence[QueueItem]) -> list[IndexText]:
        """Return what these changes add to the index; rows that are gone, superseded or hidden are left out."""

        def work(connection: Connection) -> list[IndexText]:
            found: list[IndexText] = []
            for kind in _TABLES:
                refs = json.dumps([item.ref for item in items if item.kind == kind and item.op == "upsert"])
                rows: Iterable[Any] = connection.exec_driver_sql(
                    f"SELECT d.id, d.seq, {_live(kind)[0]}, d.content, d.content_hash FROM {_TABLES[kind]} d"
                    f" WHERE d.id IN (SELECT value FROM json_each(?)) AND {_live(kind)[1]}",
                    (refs,),
                )
                found += [
                    IndexText(kind=kind, id=row[0], seq=row[1], namespace=row[2], content=row[3], hash=row[4])
                    for row in rows
                ]
            return found

        return await self._database.query(work)

    async def indexed(self, fingerprint: str, kind: Kind, *, after: int, limit: int) -> list[IndexedVector]:
        """Return what the index should hold of a kind, page by page in the order of the rows."""
        rows = await self._database.rows(
            f"SELECT d.id, d.seq, {_live(kind)[0]}, v.vector FROM {_TABLES[kind]} d"
            " JOIN vectors v ON v.content_hash = d.content_hash AND v.fingerprint = ?"
            f" WHERE d.seq > ? AND {_live(kind)[1]} ORDER BY d.seq LIMIT ?",
            (fingerprint, after, limit),
        )
        return [IndexedVector(kind=kind, id=row[0], seq=row[1], namespace=row[2], vector=row[3]) for row in rows]

    async def expected(self, fingerprint: str, kind: Kind) -> dict[str, int]:
        """Return for each namespace how many rows of a kind the index should hold."""
        rows = await self._database.rows(
            f"SELECT {_live(kind)[0]}, count(*) FROM {_TABLES[kind]} d"
            " JOIN vectors v ON v.content_hash = d.content_hash AND v.fingerprint = ?"
            f" WHERE {_live(kind)[1]} GROUP BY 1",
            (fingerprint,),
        )
        return {row[0]: row[1] for row in rows}


def marks(connection: Connection) -> VectorMarks:
    """Return how far the record has come."""
    query = (
        "SELECT coalesce((SELECT max(seq) FROM vectors), 0), coalesce((SELECT max(seq) FROM memory_history), 0),"
        " coalesce((SELECT max(seq) FROM journal), 0)"
    )
    return VectorMarks(*raw(connection).execute(query).fetchone())


def load(connection: Connection, fingerprint: str, kind: Kind, *, after: int = 0) -> list[VectorRow]:
    """Return the vectors of every searchable row of a kind stored after a point, in storing order."""
    query = (
        "SELECT d.seq, v.vector, v.content_hash FROM vectors v"
        f" JOIN {_TABLES[kind]} d ON d.content_hash = v.content_hash"
        " WHERE v.fingerprint = ? AND v.seq > ? ORDER BY v.seq"
    )
    return [VectorRow(*row) for row in raw(connection).execute(query, (fingerprint, after)).fetchall()]


def of_rows(connection: Connection, fingerprint: str, kind: Kind, seqs: Sequence[int]) -> list[VectorRow]:
    """Return the vectors of these rows."""
    query = (
        f"SELECT d.seq, v.vector, v.content_hash FROM {_TABLES[kind]} d"
        " JOIN vectors v ON v.content_hash = d.content_hash AND v.fingerprint = ?"
        " WHERE d.seq IN (SELECT value FROM json_each(?))"
    )
    return [VectorRow(*row) for row in raw(connection).execute(query, (fingerprint, json.dumps(list(seqs)))).fetchall()]


def sample(connection: Connection, fingerprint: str, kind: Kind, count: int) -> list[VectorRow]:
    """Return the vectors of at most so many rows, wherever they lie."""
    last = last_seq(connection, kind)
    seqs = random.sample(range(1, last + 1), min(4 * count, last))
    rows = of_rows(connection, fingerprint, kind, seqs)[:count]
    if rows:
        return rows
    query = (
        f"SELECT d.seq, v.vector, v.content_hash FROM {_TABLES[kind]} d"
        " JOIN vectors v ON v.content_hash = d.content_hash AND v.fingerprint = ? LIMIT ?"
    )
    return [VectorRow(*row) for row in raw(connection).execute(query, (fingerprint, count)).fetchall()]


def at_least(connection: Connection, fingerprint: str, count: int) -> bool:
    """Return whether so many texts are embedded with one embedder."""
    query = "SELECT count(*) FROM (SELECT 1 FROM vectors WHERE fingerprint = ? LIMIT ?)"
    return bool(raw(connection).execute(query, (fingerprint, count)).fetchone()[0] >= count)


def hashes(connection: Connection, kind: Kind, first: int, end: int) -> list[tuple[int, str]]:
    """Return the rows of a kind `(seq, hash of the text)` from one sequence number up to another."""
    query = f"SELECT seq, content_hash FROM {_TABLES[kind]} WHERE seq >= ? AND seq < ? AND content_hash IS NOT NULL"
    return raw(connection).execute(query, (first, end)).fetchall()


def last_seq(connection: Connection, kind: Kind) -> int:
    """Return the highest sequence number of a kind."""
    return int(raw(connection).execute(f"SELECT coalesce(max(seq), 0) FROM {_TABLES[kind]}").fetchone()[0])


def news(connection: Connection, fingerprint: str, kind: Kind, since: VectorMarks) -> list[VectorRow]:
    """Return the vectors of rows that are new or changed, whether the vector itself is new or was known."""
    if kind == "memory":
        changed, after = "memories d JOIN memory_history h ON h.memory_id = d.id AND h.seq > ?", since.changes
    else:
        changed, after = "journal d", since.turns
    where = "v.fingerprint = ?" if kind == "memory" else "v.fingerprint = ? AND d.seq > ?"
    params = (after, fingerprint) if kind == "memory" else (fingerprint, after)
    query = (
        f"SELECT DISTINCT d.seq, v.vector, v.content_hash FROM {changed}"
        f" JOIN vectors v ON v.content_hash = d.content_hash WHERE {where}"
    )
    rows = raw(connection).execute(query, params).fetchall()
    return load(connection, fingerprint, kind, after=since.vectors) + [VectorRow(*row) for row in rows]


def forgotten_since(connection: Connection, changes: int) -> bool:
    """Return whether a memory was forgotten after a mark."""
    query = "SELECT 1 FROM memory_history WHERE seq > ? AND action = 'forgotten' LIMIT 1"
    return raw(connection).execute(query, (changes,)).fetchone() is not None


def _live(kind: Kind) -> tuple[str, str]:
    """Return the namespace expression of a kind and the condition for rows that may be found."""
    if kind == "memory":
        # What is for models on this machine alone is not embedded: an embedder may be elsewhere.
        return "d.namespace", "d.superseded_by IS NULL AND d.local_only = 0"
    return "''", "d.hidden = 0 AND d.content_hash IS NOT NULL"
