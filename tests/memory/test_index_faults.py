"""A reindex that fails at any of its statements leaves a record that is whole, and the next one completes it."""

from __future__ import annotations

import asyncio
import multiprocessing
import shutil
import sqlite3
from pathlib import Path

import pytest

from lra.errors import LraError
from lra.memory import Memory
from lra.store import StructuredMemoryStore
from tests.memory.embedders import HashingEmbedder
from tests.memory.faulty import Fault, faulty

TEXTS = [f"fact {number} of the world" for number in range(12)]


def unseen(_name: str, _done: int, _whole: int) -> None:
    return None


def opened(folder: Path) -> Memory:
    memory = Memory(
        StructuredMemoryStore(f"sqlite+aiosqlite:///{folder / 'agent_memory.db'}"), embedder=HashingEmbedder()
    )
    memory._semantic.file_from = 10
    return memory


async def closed(memory: Memory) -> None:
    await memory.close()
    await memory.store.close()


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record with drift of every kind: half of the vectors missing, words missing, a file that is behind."""
    folder = tmp_path_factory.mktemp("ill")

    async def make() -> None:
        memory = opened(folder)
        for text in TEXTS:
            await memory.remember(text)
        assert await memory.care().reindex(unseen)
        await closed(memory)

    asyncio.run(make())
    with sqlite3.connect(folder / "agent_memory.db") as database:
        database.execute("DELETE FROM vectors WHERE seq % 2")
        database.execute("DELETE FROM memories_fts WHERE rowid = 3")
    return folder


async def reindexed(folder: Path, fault: Fault) -> bool:
    with faulty(fault):
        memory = opened(folder)
        await memory.store.init_db()
        fault.armed = True
        try:
            return await memory.care().reindex(unseen)
        finally:
            fault.armed = False
            await closed(memory)


async def check(folder: Path) -> None:
    """Everything is there, is found by its words before and by its vector after one more reindex."""
    memory = opened(folder)
    assert sorted(record.content for record in await memory.find()) == sorted(TEXTS)
    assert (await memory.search(TEXTS[7], limit=1))[0].content == TEXTS[7]
    assert await memory.care().reindex(unseen)
    for text in TEXTS[::4]:
        (hit,) = await memory.search(text, limit=1)
        assert hit.content == text
        assert hit.signals["cosine"] > 0.999
    assert [finding.what for finding in await memory.care().examine() if finding.count] == []
    await closed(memory)
    with sqlite3.connect(folder / "agent_memory.db") as database:
        ((count, distinct),) = database.execute("SELECT count(*), count(DISTINCT content_hash) FROM vectors").fetchall()
        assert (count, distinct) == (len(TEXTS), len(TEXTS))
        assert database.execute("SELECT count(*) FROM index_queue").fetchone() == (0,)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("error", ["database or disk is full", "database is locked"])
async def test_an_error_at_any_statement(ill: Path, tmp_path: Path, error: str) -> None:
    at = 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        await asyncio.to_thread(shutil.copytree, ill, folder)
        fault = Fault(at, error)
        try:
            done = await reindexed(folder, fault)
        except LraError:
            done = False
        if fault.count < at:
            assert done
            break
        await check(folder)
        await asyncio.to_thread(shutil.rmtree, folder)
    assert at > 20


@pytest.mark.timeout(120)
async def test_death_before_any_statement(ill: Path, tmp_path: Path) -> None:
    # What a death leaves is what the files hold at that moment: the memory that processes share dies with the last.
    folder, left = tmp_path / "run", tmp_path / "left"
    shutil.copytree(ill, folder)
    moments = 0

    def keep() -> None:
        nonlocal moments
        moments += 1
        shutil.copytree(folder, left / str(moments), ignore=shutil.ignore_patterns("*-shm"))

    assert await reindexed(folder, Fault(0, None, before=keep))
    assert moments > 20
    for moment in range(1, moments + 1):
        await check(left / str(moment))


def die(folder: Path, at: int) -> None:
    asyncio.run(reindexed(folder, Fault(at, None)))


def test_a_killed_process_leaves_no_lock(ill: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    for at in (5, 15, 25):
        folder = tmp_path / str(at)
        shutil.copytree(ill, folder)
        process = context.Process(target=die, args=(folder, at))
        process.start()
        process.join(30)
        assert process.exitcode == -9
        asyncio.run(check(folder))
