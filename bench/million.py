"""`python -m bench.million`: a record of a million memories against its goals.

Building it takes about a quarter of an hour; `--keep FOLDER` keeps it and uses it again. Every part runs in a process
of its own, as a person's would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import machine
from bench.corpus import Corpus
from bench.embedder import HashingEmbedder
from bench.measure import in_turn, quantile
from bench.records import Records, memory_over, settings_for
from bench.table import Row, render
from bench.terminal import resident_mb
from lra.memory import Memory
from lra.memory.index.exact import ExactIndex, folder_of
from lra.store import StructuredMemoryStore

SIZE = 1_000_000
SMALL = 10_000
SEARCH_GOAL = 150.0
MEMORY_GOAL = 2560.0
RECALL_GOAL = 0.99
GROWTH_GOAL = 1.5
"""What a write or a start may take, as a multiple of the small record's; the rest is the machine's unrest."""
ROUNDS = 100
SCOPES: dict[str, dict[str, Any]] = {
    "memories": {"scope": "memories"},
    "everything": {"scope": "all"},
    "turns": {"scope": "turns"},
    "one namespace": {"scope": "memories", "namespace": "work"},
    "a tenth of the time": {"scope": "memories"},
}


def main() -> int:
    """Measure, and say with 1 that a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="memories in the record")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the records stay, and may be already")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--database", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(asyncio.run(PARTS[arguments.part](arguments.database))))
        return 0
    facts = machine.describe()
    print(machine.header(facts), flush=True)
    with tempfile.TemporaryDirectory(prefix="lra-million-") as temporary:
        rows = _measure(arguments.size, arguments.keep or Path(temporary), Path(temporary))
    print(render(rows))
    if arguments.json:
        report = {"machine": facts, "rows": [row.to_dict() for row in rows]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return int(any(row.verdict == "MISSED" for row in rows))


def _measure(size: int, masters: Path, folder: Path) -> list[Row]:
    large = _copy(asyncio.run(_made(masters, size)), folder / "large")
    small = _copy(asyncio.run(_made(masters, SMALL)), folder / "small")
    rows = [_compared("start, first question by words", large, small, "start")]
    rows += _lines(_run("build", large), ("index made", "s", None), ("  its file", "MB", None), ("  peak", "MB", None))
    rows += _searches("by words", _run("words", large))
    found = _run("search", large)
    rows += _searches("with vectors", found["times"])
    rows += _lines([found["cold"]], ("first question with vectors", "ms", None))
    rows += _lines(found["memory"], ("process memory", "MB", MEMORY_GOAL), ("  of it not the files'", "MB", None))
    missed = _run("recall", large)
    rows += _lines([1 - missed], ("nearest ten not found (share)", "", 1 - RECALL_GOAL))
    rows.append(_compared("write p95", large, small, "write"))
    return rows


def _compared(name: str, large: Path, small: Path, part: str) -> Row:
    ours, reference = _run(part, large), _run(part, small)
    return Row(name=name, ours=ours, reference=reference, compare="ratio", goal=GROWTH_GOAL)


def _lines(values: list[float], *names: tuple[str, str, float | None]) -> list[Row]:
    return [
        Row(name=name, ours=value, unit=unit, goal=goal, compare="value" if goal else "info")
        for value, (name, unit, goal) in zip(values, names, strict=True)
    ]


def _searches(how: str, times: dict[str, tuple[float, float, float]]) -> list[Row]:
    rows: list[Row] = []
    for what, (median, p95, worked) in times.items():
        rows.append(Row(name=f"search p95 {how}: {what}", ours=p95, goal=SEARCH_GOAL))
        rows.append(Row(name="  median", ours=median, compare="info"))
        rows.append(Row(name="  processor, p95", ours=worked, compare="info"))
    return rows


def _run(part: str, database: Path) -> Any:
    print(f"measuring {part} on {database.parent.name} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "bench.million", "--part", part, "--database", str(database)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


async def _made(masters: Path, size: int) -> Path:
    found = masters / f"master-{size}.db"
    if not found.exists():
        masters.mkdir(parents=True, exist_ok=True)
        print(f"building a record of {size} memories …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(dir=masters) as folder:
            (await Records(Path(folder)).master(size)).rename(found)
    return found


def _copy(master: Path, folder: Path) -> Path:
    folder.mkdir()
    target = folder / "agent_memory.db"
    shutil.copyfile(master, target)
    return target


def _opened(database: Path, embedder: HashingEmbedder | None) -> Memory:
    settings = settings_for(database)
    return memory_over(StructuredMemoryStore(settings.database_url), settings, embedder)


async def _closed(memory: Memory) -> None:
    await memory.close()
    await memory.store.close()


async def _questions(memory: Memory, count: int) -> list[str]:
    """Return questions about memories from everywhere in the record."""
    (row,) = await memory.store.database.rows("SELECT max(seq) FROM memories")
    chosen = random.Random(5).sample(range(1, row[0] + 1), count)
    rows = await memory.store.database.rows(
        "SELECT content FROM memories WHERE seq IN (SELECT value FROM json_each(?))", (json.dumps(chosen),)
    )
    corpus = Corpus(seed=11)
    return [corpus.question(row[0]) for row in rows]


async def _start(database: Path) -> float:
    """Open the record, ask something by words, close it; the median of several."""
    corpus, taken = Corpus(seed=3), []
    for _ in range(9):
        begun = time.perf_counter()
        memory = _opened(database, None)
        await memory.start()
        await memory.search(corpus.question(corpus.sentence()))
        taken.append((time.perf_counter() - begun) * 1000)
        await _closed(memory)
    return quantile(taken, 0.5)


async def _build(database: Path) -> list[float]:
    memory, embedder = _opened(database, None), HashingEmbedder()
    index = ExactIndex(memory.store.database, embedder.fingerprint)
    begun = time.perf_counter()
    assert await index.settle()
    taken = time.perf_counter() - begun
    size = sum(path.stat().st_blocks * 512 for path in folder_of(database).iterdir()) / 1e6
    index.close()
    await _closed(memory)
    return [taken, size, _peak_mb()]


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _anonymous_mb() -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _timed(memory: Memory, *, rounds: int) -> dict[str, tuple[float, float, float]]:
    questions = await _questions(memory, rounds + 10)
    (row,) = await memory.store.database.rows("SELECT min(created_at), max(created_at) FROM memories")
    tenth = (row[1] - row[0]) // 10
    times: dict[str, tuple[float, float, float]] = {}
    for name, scope in SCOPES.items():
        span = {"since": row[0] + 4 * tenth, "until": row[0] + 5 * tenth} if "time" in name else {}
        taken, worked = [], []
        for question in questions:
            begun, busy = time.perf_counter(), time.process_time()
            await memory.search(question, limit=10, **scope, **span)
            taken.append((time.perf_counter() - begun) * 1000)
            worked.append((time.process_time() - busy) * 1000)
        times[name] = (quantile(taken[10:], 0.5), quantile(taken[10:], 0.95), quantile(worked[10:], 0.95))
    return times


async def _words(database: Path) -> dict[str, tuple[float, float, float]]:
    memory = _opened(database, None)
    times = await _timed(memory, rounds=ROUNDS)
    await _closed(memory)
    return times


async def _search(database: Path) -> dict[str, Any]:
    memory = _opened(database, HashingEmbedder())
    (question,) = await _questions(memory, 1)
    begun = time.perf_counter()
    hits = await memory.search(question)
    cold = (time.perf_counter() - begun) * 1000
    assert any("cosine" in hit.signals for hit in hits), "the question was answered without vectors"
    times = await _timed(memory, rounds=ROUNDS)
    held = [resident_mb(os.getpid()), _anonymous_mb()]
    await _closed(memory)
    return {"times": times, "cold": cold, "memory": held}


async def _recall(database: Path) -> float:
    """Return how many of the ten nearest memories are found, compared with every stored vector."""
    import numpy as np

    from lra.store.vectors import of_rows

    memory, embedder = _opened(database, None), HashingEmbedder()
    index = ExactIndex(memory.store.database, embedder.fingerprint)
    assert await index.ready(60)
    questions = embedder.vectors(await _questions(memory, 100))
    (row,) = await memory.store.database.rows("SELECT max(seq) FROM memories")
    best: list[list[tuple[float, int]]] = [[] for _ in questions]
    for first in range(1, row[0] + 1, 20_000):
        part = range(first, first + 20_000)
        rows = await memory.store.database.query(lambda c, p=part: of_rows(c, embedder.fingerprint, "memory", p))  # type: ignore[misc]
        matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4").reshape(len(rows), -1)
        for place, cosines in enumerate(questions @ matrix.T):
            near = np.argpartition(-cosines, 10)[:10]
            mine = [(float(cosines[number]), rows[number].seq) for number in near]
            best[place] = sorted(best[place] + mine, reverse=True)[:10]
    found = 0
    for question, wanted in zip(questions, best, strict=True):
        told = {seq for seq, _ in index.nearest(question, "memory")(10)}
        found += len(told & {seq for _, seq in wanted})
    index.close()
    await _closed(memory)
    return found / (10 * len(questions))


async def _write(database: Path) -> float:
    memory, corpus = _opened(database, HashingEmbedder()), Corpus(seed=9)
    await memory.start()

    async def write(_number: int) -> None:
        await memory.remember(corpus.sentence())

    async def nothing(_number: int) -> None:
        return None

    times, _ = await in_turn(write, nothing, rounds=300, warmup=30)
    await _closed(memory)
    return times.p95


PARTS = {"start": _start, "build": _build, "words": _words, "search": _search, "recall": _recall, "write": _write}

if __name__ == "__main__":
    sys.exit(main())
