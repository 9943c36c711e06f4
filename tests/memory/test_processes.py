"""Two real processes on one database and one Chroma folder, one of them killed in the middle of its work."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lra.memory import Memory
from tests.memory.conftest import Opener

WRITES = 1000
ROOT = Path(__file__).parents[2]


class Writer:
    def __init__(self, folder: Path, prefix: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.memory.writer", str(folder), prefix],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        self.send(line)
        return self.read()

    def end(self) -> int:
        self.process.communicate("", timeout=20)
        return self.process.returncode


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[Writer]]:
    started: list[Writer] = []
    yield started
    for writer in started:
        writer.process.kill()
        writer.process.communicate()


@pytest.mark.timeout(120)
def test_nothing_is_lost_and_everything_is_found(tmp_path: Path, writers: list[Writer]) -> None:
    first, second = Writer(tmp_path, "alpha"), Writer(tmp_path, "beta")
    writers += [first, second]
    first.send(f"write 0 {WRITES}")
    second.send(f"write 0 {WRITES}")
    kept = [first.read() for _ in range(WRITES // 2)]
    first.process.send_signal(signal.SIGKILL)
    assert first.process.stdout is not None
    kept += first.process.stdout.read().split("\n")[:-1]
    kept += [second.read() for _ in range(WRITES)]
    third = Writer(tmp_path, "gamma")
    writers.append(third)
    third.send(f"write 0 {WRITES // 2}")
    kept += [third.read() for _ in range(WRITES // 2)]
    assert second.ask("drain 30") == "drained"
    names = [line.split()[1] for line in kept if line.startswith("kept ")]
    assert len(names) >= 2 * WRITES
    for name in names[::25]:
        text = f"{name} words of {name.rstrip('0123456789')}"
        assert (second.ask(f"find {text}"), third.ask(f"find {text}")) == (text, text)
    assert (second.end(), third.end()) == (0, 0)
    assert not list(tmp_path.glob("*.broken-*"))


async def test_the_record_agrees_with_chroma_afterwards(opener: Opener, tmp_path: Path, writers: list[Writer]) -> None:
    import asyncio

    def work() -> None:
        one, two = Writer(tmp_path, "alpha"), Writer(tmp_path, "beta")
        writers.extend([one, two])
        for writer in (one, two):
            writer.send("write 0 150")
        for writer in (one, two):
            for _ in range(150):
                writer.read()
        assert one.ask("drain 30") == "drained"
        one.process.kill()
        two.process.kill()
        one.process.communicate()
        two.process.communicate()

    await asyncio.to_thread(work)
    memory: Memory = opener(chroma_from=0)
    await memory.start()
    assert await memory.drain(20)
    for _ in range(500):
        indexer = memory._semantic.indexer
        if indexer and indexer.mirror and indexer.mirror.ready:
            break
        await asyncio.sleep(0.02)
    folder = memory._semantic.indexer.mirror._folder  # type: ignore[union-attr]
    (name,) = await asyncio.to_thread(folder.names)
    assert await asyncio.to_thread(folder.count, name) == 300
    assert (await memory.status()).indexed == 300
