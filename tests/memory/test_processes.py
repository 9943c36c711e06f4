"""Two real processes on one database and one Chroma folder, one of them killed in the middle of its work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lra.memory import Memory
from tests.memory.conftest import Opener
from tests.memory.crowd import Writer, crowd, lag, text_of


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[Writer]]:
    started: list[Writer] = []
    yield started
    for writer in started:
        writer.process.kill()
        writer.process.communicate()


@pytest.mark.timeout(240)
def test_nothing_is_lost_and_everything_is_found(tmp_path: Path, writers: list[Writer]) -> None:
    outcome = crowd(tmp_path, writers, processes=4, writes=250)
    # Those that were killed kept a half at least, and were followed by another.
    assert outcome.kept >= 4 * 250 + 2 * 125
    assert outcome.unfindable == 0
    survivors = [writer for writer in writers if writer.process.poll() is None]
    assert len(survivors) == 4
    assert [writer.end() for writer in survivors] == [0] * 4
    assert not list(tmp_path.glob("*.broken-*"))


def test_another_process_finds_it_by_words_at_once_and_by_vector_soon(tmp_path: Path, writers: list[Writer]) -> None:
    owner, other = Writer(tmp_path, "owner"), Writer(tmp_path, "other")
    writers += [owner, other]
    assert owner.ask("write 0 1") == "kept owner0"
    assert owner.ask("drain 20") == "drained"
    for number in range(1, 6):
        assert other.ask(f"write {number} {number + 1}") == f"kept other{number}"
        assert owner.ask(f"words {text_of(f'other{number}')}") == text_of(f"other{number}")
        assert owner.ask(f"write {number} {number + 1}") == f"kept owner{number}"
        assert other.ask(f"words {text_of(f'owner{number}')}") == text_of(f"owner{number}")
        assert lag(owner, other, 100 + number) < 30
        assert lag(other, owner, 100 + number) < 30


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
