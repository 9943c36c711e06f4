"""Whether the record's own indexes agree with its rows: full-text tables, stored vectors, outbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lra.store import fts
from lra.store.database import Database
from lra.store.fts import Corpus
from lra.store.memories import indexed_text
from lra.store.queue import SEARCHABLE
from lra.store.sqlite import raw

EXAMPLES = 3
_PAGE = 5000

_WORDS: Mapping[Corpus, str] = {"memories": "1", "journal": "content_hash IS NOT NULL AND hidden = 0"}
"""Which rows of each table are found by words."""


@dataclass(frozen=True, slots=True)
class Differing:
    """Rows that differ, and the names of a few."""

    count: int = 0
    examples: tuple[str, ...] = ()


class IndexChecks:
    """Looks for what differs, and makes it equal in small transactions that can end anywhere.

    Args:
        database: The record.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _differing(self, name: str, rest: str, parameters: Sequence[Any] = ()) -> Differing:
        def work(connection: Connection) -> Differing:
            database = raw(connection)
            count = int(database.execute(f"SELECT count(*) {rest}", parameters).fetchone()[0])
            if not count:
                return Differing()
            rows = database.execute(f"SELECT {name} {rest} LIMIT {EXAMPLES}", parameters).fetchall()
            return Differing(count, tuple(str(row[0]) for row in rows))

        return await self._database.query(work)

    async def unworded(self, corpus: Corpus) -> Differing:
        """Return the rows that full-text search does not know."""
        return await self._differing("d.id", _unworded(corpus))

    async def worded_only(self, corpus: Corpus) -> Differing:
        """Return the entries of full-text search that belong to no row."""
        return await self._differing("f.id", _worded_only(corpus))

    async def mend_words(self, corpus: Corpus) -> int:
        """Index rows that full-text search does not know, and drop entries of none; returns how many."""
        mended = 0

        def work(connection: Connection) -> int:
            database = raw(connection)
            gone = [row[0] for row in database.execute(f"SELECT f.id {_worded_only(corpus)} LIMIT {_PAGE}").fetchall()]
            fts.drop_rows(connection, corpus, gone)
            columns = "content, key, tags" if corpus == "memories" else "content, speaker, NULL"
            rows = database.execute(f"SELECT seq, {columns} {_unworded(corpus)} LIMIT {_PAGE}").fetchall()
            fts.index_rows(connection, corpus, [(row[0], _text(corpus, *row[1:])) for row in rows])
            return len(gone) + len(rows)

        while done := await self._database.write(work):
            mended += done
        return mended

    async def failing(self) -> Differing:
        """Return the rows that could not be embedded so far."""
        return await self._differing("ref", "FROM index_queue WHERE attempts > 0")

    async def unembedded(self, fingerprint: str) -> Differing:
        """Return the rows that have no vector of an embedder and wait for none."""
        count = 0
        examples: tuple[str, ...] = ()
        for kind, table, condition in SEARCHABLE:
            found = await self._differing(
                "d.id",
                f"FROM {table} d WHERE {condition}"
                " AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.content_hash = d.content_hash AND v.fingerprint = ?)"
                " AND NOT EXISTS (SELECT 1 FROM index_queue q WHERE q.kind = ? AND q.ref = d.id)",
                (fingerprint, kind),
            )
            count, examples = count + found.count, examples + found.examples
        return Differing(count, examples[:EXAMPLES])

    async def unused(self) -> Differing:
        """Return the vectors of texts that are in no row."""
        return await self._differing("v.seq", f"FROM vectors v WHERE {_UNUSED}")

    async def malformed(self, fingerprint: str, dimensions: int | None) -> Differing:
        """Return the vectors of an embedder that have another length than its others."""
        size = 4 * dimensions if dimensions else await self._usual_size(fingerprint)
        return await self._differing("v.seq", _MALFORMED, (fingerprint, size))

    async def _usual_size(self, fingerprint: str) -> int:
        rows = await self._database.rows(
            "SELECT length(vector) FROM (SELECT vector FROM vectors WHERE fingerprint = ? LIMIT 1000)"
            " GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
            (fingerprint,),
        )
        return int(rows[0][0]) if rows else 0

    async def others(self, fingerprints: Sequence[str]) -> dict[str, int]:
        """Return how many vectors there are of embedders other than these."""
        rows = await self._database.rows("SELECT fingerprint, count(*) FROM vectors GROUP BY 1 ORDER BY 1")
        return {row[0]: row[1] for row in rows if row[0] not in fingerprints}

    async def drop_unused(self) -> int:
        """Remove the vectors of texts that are in no row."""
        return await self._drop(f"FROM vectors v WHERE {_UNUSED}", ())

    async def drop_malformed(self, fingerprint: str, dimensions: int | None) -> int:
        """Remove the vectors of an embedder that have another length than its others; they are made again."""
        size = 4 * dimensions if dimensions else await self._usual_size(fingerprint)
        return await self._drop(_MALFORMED, (fingerprint, size))

    async def drop_all(self, fingerprint: str) -> int:
        """Remove every vector of an embedder."""
        return await self._drop("FROM vectors v WHERE v.fingerprint = ?", (fingerprint,))

    async def _drop(self, rest: str, parameters: Sequence[Any]) -> int:
        dropped = 0

        def work(connection: Connection) -> int:
            chosen = f"SELECT v.seq {rest} LIMIT {_PAGE}"
            return raw(connection).execute(f"DELETE FROM vectors WHERE seq IN ({chosen})", parameters).rowcount

        while done := await self._database.write(work):
            dropped += done
        return dropped


_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM memories d WHERE d.content_hash = v.content_hash)"
    " AND NOT EXISTS (SELECT 1 FROM journal d WHERE d.content_hash = v.content_hash)"
)
_MALFORMED = "FROM vectors v WHERE v.fingerprint = ? AND length(v.vector) != ?"


def _unworded(corpus: Corpus) -> str:
    return (
        f"FROM {corpus} d WHERE {_WORDS[corpus]}"
        f" AND NOT EXISTS (SELECT 1 FROM {corpus}_fts_docsize f WHERE f.id = d.seq)"
    )


def _worded_only(corpus: Corpus) -> str:
    return f"FROM {corpus}_fts_docsize f WHERE NOT EXISTS (SELECT 1 FROM {corpus} d WHERE d.seq = f.id)"


def _text(corpus: Corpus, content: str, name: str | None, tags: str | None) -> str:
    if corpus == "memories":
        return indexed_text(content, name, json.loads(tags or "[]"))
    return f"{name}: {content}" if name else content
