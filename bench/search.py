"""Filtered search against the bare full-text query plus an exact product with every vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiosqlite
import numpy as np

from bench.embedder import DIMENSIONS
from bench.measure import in_turn
from bench.options import Options
from bench.records import PER_SESSION, SEARCHES_VECTORS, memory_over, moment, settings_for
from bench.table import Row

GOAL = 2.0
GOAL_SIZE = 50_000
LIMIT = 10


@dataclass(frozen=True, slots=True)
class Filter:
    """One restriction, as our search takes it and as SQL says it."""

    options: dict[str, Any]
    sql: str
    parameters: tuple[object, ...]


def _filters(size: int) -> list[Filter]:
    since, until = (int(moment(size * part // 10).timestamp() * 1_000_000) for part in (3, 7))
    session = f"s{size // 2 // PER_SESSION}"
    return [
        Filter({"since": since, "until": until}, "d.created_at >= ? AND d.created_at < ?", (since, until)),
        Filter({"namespace": "work"}, "d.namespace = ?", ("work",)),
        Filter({"session": session}, "d.session_id = ?", (session,)),
    ]


async def run(options: Options) -> list[Row]:
    """Measure at every size, by words alone and with vectors."""
    sizes = options.sizes_or((0, 1_000, 10_000, 50_000, 100_000), (1_000, 10_000))
    rows: list[Row] = []
    for size in sizes:
        rows += await _at(size, options, vectors=False)
        if SEARCHES_VECTORS:
            rows += await _at(size, options, vectors=True)
    if not SEARCHES_VECTORS:
        rows.append(Row(name="search vectors", ours=None, note="not there yet"))
    return rows


async def _at(size: int, options: Options, *, vectors: bool) -> list[Row]:
    from lra.memory.query import read
    from lra.store import StructuredMemoryStore
    from lra.store.vectors import load

    rounds, warmup = options.rounds(60, 24), 6
    database = await options.records.copy(size, f"search-{size}-{vectors}")
    questions = options.records.questions(size, rounds + warmup)
    filters = _filters(size)
    settings = settings_for(database)
    embedder = options.records.embedder
    store = StructuredMemoryStore(settings.database_url)
    memory = memory_over(store, settings, embedder if vectors else None)
    # What embedding the question takes is no part of either side.
    embedded = [embedder.vectors([question])[0] for question in questions]
    rows_ = await store.database.query(lambda c: load(c, embedder.fingerprint, "memory")) if vectors else []
    matrix = np.frombuffer(b"".join(row.vector for row in rows_), dtype="<f4").reshape(len(rows_), DIMENSIONS)

    async with aiosqlite.connect(database) as bare:
        await bare.execute("PRAGMA cache_size = -32000")

        async def ours(number: int) -> None:
            chosen = filters[number % len(filters)]
            await memory.search(questions[number], scope="memories", limit=LIMIT, **chosen.options)

        async def reference(number: int) -> None:
            chosen = filters[number % len(filters)]
            words = " OR ".join(f'"{word.text}"' for word in read(questions[number]))
            await bare.execute_fetchall(
                "SELECT d.id, d.content, bm25(memories_fts) AS rank FROM memories_fts"
                " JOIN memories d ON d.seq = memories_fts.rowid"
                f" WHERE memories_fts MATCH ? AND d.superseded_by IS NULL AND {chosen.sql} ORDER BY rank LIMIT ?",
                (words, *chosen.parameters, LIMIT),
            )
            if len(matrix):
                cosines = np.vecdot(matrix, embedded[number])
                np.argpartition(-cosines, min(LIMIT, len(cosines)) - 1)[:LIMIT]

        ours_, reference_ = await in_turn(ours, reference, rounds=rounds, warmup=warmup)
    await memory.close()
    await store.close()
    kind = "vectors" if vectors else "lexical"
    goal = GOAL if size == GOAL_SIZE else None
    return [
        Row(
            name=f"search p95 {kind} {size:>6}",
            ours=ours_.p95,
            reference=reference_.p95,
            compare="ratio",
            goal=goal,
        ),
        Row(name="  median", ours=ours_.median, reference=reference_.median, compare="ratio"),
        Row(name="  processor", ours=ours_.median_cpu, reference=reference_.median_cpu, compare="ratio"),
    ]
