"""`python -m bench.processes`: processes that write at once, half of them killed in the middle of it."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import machine
from bench.measure import quantile
from bench.table import Row, render
from tests.memory.crowd import Writer, crowd, lag

LAG_GOAL = 1000.0
LAGS = 40


def main() -> int:
    """Measure, and say with 1 that something was lost or took too long."""
    parser = argparse.ArgumentParser(prog="python -m bench.processes", description=__doc__)
    parser.add_argument("--processes", type=int, default=8, help="how many write at once")
    parser.add_argument("--writes", type=int, default=1000, help="what each of them writes")
    arguments = parser.parse_args()
    print(machine.header(machine.describe()), flush=True)
    with tempfile.TemporaryDirectory(prefix="lra-processes-") as folder:
        rows = _measure(Path(folder), arguments.processes, arguments.writes)
    print(render(rows))
    return int(any(row.verdict == "MISSED" for row in rows))


def _measure(folder: Path, processes: int, writes: int) -> list[Row]:
    writers: list[Writer] = []
    begun = time.perf_counter()
    try:
        outcome = crowd(folder, writers, processes=processes, writes=writes)
        taken = time.perf_counter() - begun
        owner, *others = [writer for writer in writers if writer.process.poll() is None]
        for writer in others[1:]:
            writer.end()
        lags = [lag(owner, others[0], 10**6 + number) * 1000 for number in range(LAGS)]
        lags += [lag(others[0], owner, 10**6 + number) * 1000 for number in range(LAGS)]
    finally:
        for writer in writers:
            writer.process.kill()
            writer.process.communicate()
    return [
        Row(name=f"{processes} processes, {writes} writes each: kept", ours=outcome.kept, unit="", compare="info"),
        Row(name="  lost or not found", ours=outcome.unfindable, unit="", goal=0),
        Row(name="  all of it", ours=taken, unit="s", compare="info"),
        Row(name="found by another process by its vector, p95", ours=quantile(lags, 0.95), goal=LAG_GOAL),
        Row(name="  median", ours=quantile(lags, 0.5), compare="info"),
    ]


if __name__ == "__main__":
    sys.exit(main())
