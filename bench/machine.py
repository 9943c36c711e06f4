"""What the numbers were taken on."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import tempfile
import time
from typing import Any


def describe() -> dict[str, Any]:
    """Return cores, versions, load and how long the disk takes to flush."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "load": [round(value, 2) for value in os.getloadavg()],
        "flush_ms": round(flush_ms(), 2),
    }


def flush_ms(rounds: int = 30) -> float:
    """Return the median time of an `fsync` of a few kilobytes, the floor of every durable write."""
    taken = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(rounds):
            file.write(b"x" * 8192)
            started = time.perf_counter()
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def header(facts: dict[str, Any]) -> str:
    load = " ".join(f"{value:g}" for value in facts["load"])
    return (
        f"{facts['system']}, {facts['cores']} cores, Python {facts['python']}, SQLite {facts['sqlite']};"
        f" load {load}; one disk flush {facts['flush_ms']:g} ms"
    )
