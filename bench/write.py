"""A durable write of one memory against the same statements given straight to aiosqlite."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from bench.corpus import Corpus
from bench.measure import in_turn
from bench.options import Options
from bench.recording import Recording, Statement
from bench.records import settings_for
from bench.table import Row

GOAL = 3.0
DURABLE = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON",
           "PRAGMA temp_store = MEMORY", "PRAGMA secure_delete = ON")  # fmt: skip


async def run(options: Options) -> list[Row]:
    """Remember new sentences, and replay what that did to the database on a copy of it."""
    size = max(options.sizes) if options.sizes else 1_000 if options.quick else 10_000
    rounds = options.rounds(300, 80)
    database = await options.records.copy(size, "write")
    twin = database.with_name("twin.db")
    shutil.copyfile(database, twin)
    return await _compare(database, twin, size, rounds)


async def _compare(database: Path, twin: Path, size: int, rounds: int) -> list[Row]:
    from lra.memory import Memory
    from lra.store import StructuredMemoryStore

    settings = settings_for(database)
    corpus = Corpus(seed=7)
    recording = Recording()
    async with aiosqlite.connect(twin, isolation_level=None) as bare:
        for pragma in DURABLE:
            await bare.execute(pragma)
        with recording.active():
            store = StructuredMemoryStore(settings.database_url)
            memory = Memory(store, settings=settings)
            # The first write opens every connection that writing needs.
            await memory.remember("The first thing that is kept.")
            # One write is always ahead, so that either side can go first: the second to flush has it easier.
            waiting = deque([_transaction(recording.take())])

            async def ours(number: int) -> None:
                await memory.remember(corpus.sentence())
                waiting.append(recording.take())

            async def reference(number: int) -> None:
                await _replay(bare, waiting.popleft())

            ours_, reference_ = await in_turn(ours, reference, rounds=rounds, warmup=20)
            written = list(waiting[-1])
            await reference(0)
            equal = await _digest(bare)
            (found,) = await store.database.rows(_DIGEST)
            await memory.close()
            await store.close()
    assert tuple(found) == equal, "the replayed database differs from ours"
    assert sum(statement.sql == "COMMIT" for statement in written) == 1, "a write is not one transaction"
    return [
        Row(
            name=f"write p95, {len(written)} statements, {size}",
            ours=ours_.p95,
            reference=reference_.p95,
            compare="ratio",
            goal=GOAL,
        ),
        Row(name="  median", ours=ours_.median, reference=reference_.median, compare="ratio"),
        Row(name="  processor", ours=ours_.median_cpu, reference=reference_.median_cpu, compare="ratio"),
    ]


def _transaction(statements: Sequence[Statement]) -> list[Statement]:
    """Return what lies between the last `BEGIN` and the last `COMMIT`, both included."""
    begin = max(place for place, statement in enumerate(statements) if statement.sql.startswith("BEGIN"))
    return list(statements[begin:])


async def _replay(bare: aiosqlite.Connection, statements: Sequence[Statement]) -> None:
    for statement in statements:
        if statement.many:
            await bare.executemany(statement.sql, statement.parameters)
        elif statement.sql == "COMMIT":
            await bare.commit()
        elif statement.sql.startswith(("SELECT", "WITH")):
            await bare.execute_fetchall(statement.sql, statement.parameters)
        else:
            await bare.execute(statement.sql, statement.parameters)


_DIGEST = "SELECT count(*), max(seq), sum(length(content)), (SELECT max(seq) FROM memory_history) FROM memories"


async def _digest(bare: aiosqlite.Connection) -> tuple[object, ...]:
    rows = list(await bare.execute_fetchall(_DIGEST))
    return tuple(rows[0])
