"""A large file is read in memory that does not grow with it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from lra.memory import Memory
from tests.memory.conftest import url

IMPORT = """
import asyncio, sys
from pathlib import Path
from lra.memory import Memory
from lra.store import StructuredMemoryStore

async def main():
    memory = Memory(StructuredMemoryStore(sys.argv[2]))
    report = await memory.import_file(sys.argv[1])
    await memory.store.close()
    (peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(report.turns + report.facts, int(peak.split()[1]) // 1024)

asyncio.run(main())
"""


def texts() -> Iterator[str]:
    # Few long words: what is measured is the reading, not the index of words.
    source = random.Random(7)
    while True:
        yield " ".join(f"{source.getrandbits(400):x}" for _ in range(40))


def lines(file: TextIO, size: int, text: Iterator[str]) -> None:
    for number in range(size // 4000):
        line = {"type": "turn", "id": f"t{number}", "session": f"s{number // 50}", "content": next(text)}
        file.write(json.dumps(line) + "\n")


def conversations(file: TextIO, size: int, text: Iterator[str]) -> None:
    for number in range(max(1, size // 200_000)):
        mapping = {}
        for place in range(50):
            body = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [next(text)]}}
            name = f"{number}-{place}"
            mapping[name] = {"message": {"id": name, **body}, "parent": f"{number}-{place - 1}"}
        file.write("," if number else "[")
        json.dump({"id": f"c{number}", "mapping": mapping, "current_node": f"{number}-49"}, file)
    file.write("]")


def memories(file: TextIO, size: int, text: Iterator[str]) -> None:
    file.write('{"results": [')
    for number in range(size // 4000):
        file.write(("," if number else "") + json.dumps({"id": f"m{number}", "memory": next(text)}))
    file.write("]}")


def notes(file: TextIO, size: int, text: Iterator[str]) -> None:
    for _ in range(size // 40_000):
        file.write("## Part\n\n" + "".join(f"- {next(text)}\n" for _ in range(10)) + "\n")


Write = Callable[[TextIO, int, Iterator[str]], None]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")
@pytest.mark.parametrize(
    ("name", "write", "megabytes"),
    # Memories are also searched for secrets, which takes longer.
    [
        ("a.jsonl", lines, 20),
        ("conversations.json", conversations, 20),
        ("m.json", memories, 5),
        ("notes.md", notes, 5),
    ],
)
def test_memory_is_bounded(tmp_path: Path, name: str, write: Write, megabytes: int) -> None:
    peaks = []
    for size in (megabytes * 10_000, megabytes * 1_000_000):
        folder = tmp_path / str(size)
        folder.mkdir()
        with (folder / name).open("w") as file:
            write(file, size, texts())
        command = [sys.executable, "-c", IMPORT, str(folder / name), url(folder)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=55)
        assert run.returncode == 0, run.stderr
        count, peak = map(int, run.stdout.split())
        assert count >= size // 8000
        peaks.append(peak)
    small, large = peaks
    # Parsed as a whole, a file takes several times its size.
    assert large - small < 10 + megabytes, peaks


async def test_progress_is_told_in_bytes(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"

    def write() -> None:
        with path.open("w") as file:
            lines(file, 2_000_000, texts())

    await asyncio.to_thread(write)
    told: list[tuple[str, int, int]] = []
    await memory.import_file(path, progress=lambda *step: told.append(step))
    size = path.stat().st_size
    for phase in ("Reading", "Writing"):
        steps = [done for name, done, whole in told if name == phase and whole == size]
        assert steps == sorted(steps)
        assert (steps[0], steps[-1]) == (0, size)
        assert 50 < len(steps) < 300
