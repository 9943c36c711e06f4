"""The background index: complete, computed once, and never in the way when something is ill."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from lra.memory import Memory
from lra.memory.embedding.lock import FileLock
from tests.memory.conftest import Opener
from tests.memory.embedders import HashingEmbedder


async def chroma_ready(memory: Memory, seconds: float = 20.0) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        indexer = memory._semantic.indexer
        if indexer is not None and indexer.mirror is not None and indexer.mirror.ready:
            break
        await asyncio.sleep(0.02)
    return (await memory.status()).detail.get("chroma", "")


async def found(memory: Memory, query: str) -> bool:
    hits = await memory.search(query, limit=1)
    return bool(hits) and hits[0].content == query and hits[0].signals.get("cosine", 0) > 0.99


async def test_the_worker_drains_the_outbox(opener: Opener) -> None:
    memory = opener()
    await memory.start()
    for number in range(200):
        await memory.remember(f"fact {number}")
    assert await memory.drain(10)
    status = await memory.status()
    assert (status.pending, status.indexed, status.owner, status.embedder_ready) == (0, 200, True, True)
    assert await found(memory, "fact 77")


async def test_draining_without_a_worker_is_done_here(opener: Opener) -> None:
    memory = opener()
    await memory.remember("fact")
    assert await memory.drain(10)
    assert not (await memory.status()).owner
    assert await found(memory, "fact")


async def test_a_text_is_embedded_once(opener: Opener) -> None:
    embedder = HashingEmbedder()
    memory = opener(embedder)
    first = await memory.remember("the same words")
    await memory.drain(10)
    await memory.store.memories.delete(first.record.id)
    await memory.drain(10)
    await memory.remember("the same words")
    await memory.store.queue.enqueue_all()
    await memory.drain(10)
    assert embedder.embedded == ["the same words"]
    assert await found(memory, "the same words")


async def test_another_embedder_gets_vectors_of_its_own(opener: Opener) -> None:
    memory = opener(HashingEmbedder("a"))
    await memory.remember("one")
    await memory.drain(10)
    await memory.close()
    other = HashingEmbedder("b", dimensions=32)
    memory = opener(other)
    await memory.start()
    await memory.remember("two")
    await memory.drain(10)
    for _ in range(100):
        if len(other.embedded) == 2:
            break
        await asyncio.sleep(0.02)
    assert await memory.drain(10)
    assert sorted(other.embedded) == ["one", "two"]
    assert await found(memory, "one")


async def test_one_bad_text_does_not_hold_up_the_others(opener: Opener) -> None:
    embedder = HashingEmbedder()
    embedder.refuse = {"bad"}
    memory = opener(embedder)
    await memory.start()
    for text in ("one", "bad", "two"):
        await memory.remember(text)
    assert not await memory.drain(5)
    assert sorted(embedder.embedded) == ["one", "two"]
    assert (await memory.status()).pending == 1
    assert "trouble" in (await memory.status()).detail
    assert (await memory.search("bad"))[0].content == "bad"


async def test_an_embedder_that_is_down_delays_but_loses_nothing(opener: Opener) -> None:
    embedder = HashingEmbedder()
    embedder.down = True
    memory = opener(embedder)
    await memory.start()
    await memory.remember("one")
    assert not await memory.drain(5)
    assert (await memory.search("one"))[0].content == "one"
    embedder.down = False
    memory._semantic._quiet_until = 0
    for _ in range(200):
        if await memory.drain(1):
            break
        await asyncio.sleep(0.02)
    assert await found(memory, "one")


async def test_what_another_process_stores_becomes_findable(opener: Opener) -> None:
    owner, reader = opener(), opener()
    await owner.start()
    await owner.remember("early words")
    await owner.drain(10)
    assert await found(reader, "early words")
    await reader.start()
    await reader.remember("late words")
    edited = await owner.remember("draft words")
    assert await reader.drain(10)
    await owner.edit(edited.record.id, "final words")
    assert await reader.drain(10)
    for memory in (owner, reader):
        assert await found(memory, "late words")
        assert await found(memory, "final words")
    assert [(await memory.status()).owner for memory in (owner, reader)] == [True, False]
    await owner.close()
    for _ in range(200):
        if (await reader.status()).owner:
            break
        await asyncio.sleep(0.02)
    assert (await reader.status()).owner


async def test_forgotten_words_leave_the_vectors(opener: Opener) -> None:
    memory, reader = opener(), opener()
    write = await memory.remember("secret words")
    await memory.drain(10)
    assert await found(reader, "secret words")
    await memory.forget(write.record.id)
    await memory.drain(10)
    assert (await memory.status()).indexed == 0
    for one in (memory, reader):
        assert await one.search("secret words") == []


async def test_chroma_answers_and_follows(opener: Opener) -> None:
    memory = opener(chroma_from=0)
    for number in range(30):
        await memory.remember(f"fact {number}")
    await memory.start()
    assert await memory.drain(10)
    assert "Chroma in" in await chroma_ready(memory)
    gone = await memory.remember("transient words")
    await memory.remember("lasting words", namespace="other")
    assert await memory.drain(10)
    assert await found(memory, "transient words")
    assert await found(memory, "lasting words")
    await memory.store.memories.delete(gone.record.id)
    assert await memory.drain(10)
    assert not await found(memory, "transient words")
    folder = memory._semantic.indexer.mirror._folder  # type: ignore[union-attr]
    names = await asyncio.to_thread(folder.names)
    assert sorted([await asyncio.to_thread(folder.count, name) for name in names]) == [1, 30]


async def test_a_record_too_large_for_chroma_is_searched_without_it(
    opener: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lra.memory.index.worker.CHROMA_TO", 20)
    memory = opener(chroma_from=1)
    memory._semantic.file_from = 10
    for number in range(30):
        await memory.remember(f"fact {number}")
    assert await memory.drain(10)
    await memory.start()
    await memory.remember("fact 30")
    assert await memory.drain(10)
    # Its file is made beside the search, which goes by words until then.
    for _ in range(200):
        if await found(memory, "fact 7"):
            break
        await asyncio.sleep(0.02)
    assert await found(memory, "fact 7")
    assert memory._semantic.indexer is not None
    assert memory._semantic.indexer.mirror is None
    assert not (tmp_path / "chroma_db").exists()


async def test_a_chroma_folder_that_lags_behind_is_repaired(opener: Opener, tmp_path: Path) -> None:
    memory = opener(chroma_from=0)
    for number in range(30):
        await memory.remember(f"fact {number}")
    await memory.start()
    await memory.drain(10)
    await chroma_ready(memory)
    await memory.close()
    memory = opener()
    (first, *_) = await memory.find()
    await memory.store.memories.delete(first.id)
    for number in range(30, 40):
        await memory.remember(f"fact {number}")
    await memory.drain(10)
    await memory.close()
    embedder = HashingEmbedder()
    memory = opener(embedder, chroma_from=0)
    await memory.start()
    await chroma_ready(memory)
    assert await found(memory, "fact 35")
    assert not await found(memory, first.content)
    assert embedder.embedded == []


async def ill(opener: Opener, folder: Path) -> None:
    embedder = HashingEmbedder()
    memory = opener(embedder, chroma_from=0)
    await memory.start()
    assert await found(memory, "fact 7")
    await chroma_ready(memory)
    assert await found(memory, "fact 8")
    assert embedder.embedded == []
    assert folder.is_dir()


async def filled(opener: Opener) -> None:
    memory = opener(chroma_from=0)
    for number in range(30):
        await memory.remember(f"fact {number}")
    await memory.start()
    await memory.drain(10)
    await chroma_ready(memory)
    await memory.close()


async def test_a_missing_chroma_folder_is_rebuilt_from_the_record(opener: Opener, tmp_path: Path) -> None:
    await filled(opener)
    await asyncio.to_thread(shutil.rmtree, tmp_path / "chroma_db")
    await ill(opener, tmp_path / "chroma_db")


async def test_a_corrupt_chroma_folder_is_moved_aside_and_rebuilt(opener: Opener, tmp_path: Path) -> None:
    await filled(opener)
    (tmp_path / "chroma_db" / "chroma.sqlite3").write_bytes(b"not a database" * 1000)
    await ill(opener, tmp_path / "chroma_db")
    assert len(list(tmp_path.glob("chroma_db.broken-*"))) == 1


async def test_a_file_in_the_place_of_the_chroma_folder_is_moved_aside(opener: Opener, tmp_path: Path) -> None:
    await filled(opener)
    await asyncio.to_thread(shutil.rmtree, tmp_path / "chroma_db")
    (tmp_path / "chroma_db").write_text("mine")
    await ill(opener, tmp_path / "chroma_db")
    (moved,) = tmp_path.glob("chroma_db.broken-*")
    assert moved.read_text() == "mine"


async def test_a_chroma_folder_of_another_process_is_left_alone(opener: Opener, tmp_path: Path) -> None:
    await filled(opener)
    lock = FileLock(tmp_path / "chroma_db.lock")
    assert lock.try_acquire()
    memory = opener(chroma_from=0)
    await memory.start()
    await memory.remember("new words")
    assert await memory.drain(10)
    assert await found(memory, "new words")
    assert await found(memory, "fact 7")
    assert "Another process" in await chroma_ready(memory, 1)
    lock.release()
    assert "Chroma in" in await chroma_ready(memory)
    assert await found(memory, "new words")


async def test_without_an_embedder_words_are_enough(memory: Memory) -> None:
    await memory.start()
    await memory.remember("only words")
    assert await memory.drain(10)
    status = await memory.status()
    assert not status.embedder_ready
    assert "LRA_EMBEDDING=none" in status.embedding
    assert (await memory.search("words"))[0].content == "only words"


@pytest.mark.parametrize("steps", range(6))
async def test_it_ends_also_when_it_is_woken_at_the_same_moment(opener: Opener, steps: int) -> None:
    memory = opener()
    await memory.start()
    assert await memory.drain(10)
    indexer = memory._semantic.indexer
    assert indexer is not None
    await asyncio.sleep(0.05)
    indexer.wake()
    for _ in range(steps):
        await asyncio.sleep(0)
    stopping = asyncio.create_task(indexer.stop())
    # Within less than the time after which it is told again.
    done, _ = await asyncio.wait([stopping], timeout=1.5)
    assert done
    assert not indexer.running
