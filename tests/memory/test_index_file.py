"""The file of short vectors: right, shared, private, and never in the way when something is ill."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lra.memory.embedding.lock import FileLock
from lra.memory.index.codes import BLOCK
from lra.memory.index.exact import ExactIndex, folder_of, purge
from lra.memory.index.matrix import Matrix
from lra.memory.index.vectorfile import VectorFile
from lra.store import NewMemory, StructuredMemoryStore
from lra.store.journal import content_hash
from lra.store.vectors import VectorMarks, VectorRow

FINGERPRINT = "given-00000000"
DIMENSIONS = 96

Random = np.random.Generator


def unit(random: Random, count: int, dimensions: int = DIMENSIONS) -> NDArray[np.float32]:
    # Some are near each other, and none are spread evenly around nothing, as those of real models.
    topics = np.random.default_rng(0).standard_normal((50, dimensions)).astype(np.float32) + 0.2
    made = topics[random.integers(50, size=count)]
    made = made + random.standard_normal((count, dimensions)).astype(np.float32) * 0.7
    scaled: NDArray[np.float32] = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def rows(seqs: Sequence[int], vectors: NDArray[np.float32]) -> list[VectorRow]:
    return [
        VectorRow(seq, vector.tobytes(), content_hash(f"text {seq}")) for seq, vector in zip(seqs, vectors, strict=True)
    ]


@pytest.fixture
async def store(tmp_path: Path) -> StructuredMemoryStore:
    return StructuredMemoryStore(f"sqlite+aiosqlite:///{tmp_path / 'agent_memory.db'}")


async def fill(store: StructuredMemoryStore, count: int, vectors: NDArray[np.float32], start: int = 0) -> list[str]:
    ids = []
    for number in range(start, start + count):
        record = await store.memories.put(NewMemory(content=f"text {number}"))
        ids.append(record.id)
    await embed(store, {f"text {start + place}": vector for place, vector in enumerate(vectors[:count])})
    return ids


async def embed(store: StructuredMemoryStore, texts: dict[str, NDArray[np.float32]]) -> None:
    await store.vectors.put(FINGERPRINT, {content_hash(text): vector.tobytes() for text, vector in texts.items()})


def index_over(store: StructuredMemoryStore) -> ExactIndex:
    return ExactIndex(store.database, FINGERPRINT, file_from=10)


async def best(index: ExactIndex, vector: NDArray[np.float32]) -> tuple[int, float]:
    assert await index.ready(30)
    (found,) = await asyncio.to_thread(lambda: index.nearest(vector, "memory")(1))
    return found


async def finds(index: ExactIndex, vector: NDArray[np.float32], seq: int) -> bool:
    place, cosine = await best(index, vector)
    return place == seq and abs(cosine - 1) < 1e-4


async def test_the_nearest_are_those_of_an_exact_search(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    count = 3 * BLOCK
    vectors = unit(random, count)
    seqs = (np.arange(count) * 2 + 1).tolist()
    file, matrix = VectorFile(tmp_path / "x" / "memory.vectors", FINGERPRINT), Matrix()

    def make() -> None:
        matrix.put(rows(seqs, vectors))
        with file.writing() as writer:
            assert writer is not None
            writer.create(vectors[:1000], 10)
            for start in range(0, count, 5000):
                writer.put(rows(seqs[start : start + 5000], vectors[start : start + 5000]))
            writer.follow(VectorMarks(7, 8, 9))

    await asyncio.to_thread(make)
    assert (len(file), file.marks) == (count, VectorMarks(7, 8, 9))
    hits = wanted = 0
    for question in unit(random, 20):
        exact, near = matrix.nearest(question)(10), file.nearest(question)(10)
        assert [cosine for _, cosine in near] == sorted((cosine for _, cosine in near), reverse=True)
        wanted += 10
        hits += len({seq for seq, _ in exact} & {seq for seq, _ in near})
        values = matrix.cosines(question, [seq for seq, _ in near])
        assert all(abs(values[seq] - cosine) < 1e-4 for seq, cosine in near)
    assert hits >= 0.99 * wanted
    assert len(file.nearest(vectors[0])(count)) == count
    assert file.cosines(vectors[5], [seqs[5], seqs[5] + 1, 10**9]).keys() == {seqs[5]}
    path = file.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_large_record_is_filed_and_stays_right(store: StructuredMemoryStore) -> None:
    vectors = unit(np.random.default_rng(2), 60)
    ids = await fill(store, 40, vectors)
    index, other = index_over(store), index_over(store)
    assert await index.settle()
    shelf = index.shelves["memory"]
    assert (len(shelf.file), len(shelf)) == (40, 40)
    assert await finds(index, vectors[7], 8)
    # What comes later is in memory, also of a process that did not make the file.
    await fill(store, 5, vectors[40:], start=40)
    await store.memories.edit(ids[3], "changed text")
    await embed(store, {"changed text": vectors[50]})
    for one in (index, other):
        assert await finds(one, vectors[42], 43)
        assert await finds(one, vectors[50], 4)
        assert (await best(one, vectors[3]))[0] != 4
        assert len(one.shelves["memory"].file) == 40
    assert (await index.drift())["memory"]
    index.close()
    other.close()
    await store.close()


async def test_what_is_in_memory_moves_to_the_file(
    store: StructuredMemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lra.memory.index.shelf.FOLD", 20)
    vectors = unit(np.random.default_rng(3), 80)
    await fill(store, 30, vectors)
    index, other = index_over(store), index_over(store)
    assert await index.settle()
    assert await finds(other, vectors[1], 2)
    await fill(store, 30, vectors[30:], start=30)
    assert await index.settle()
    assert len(index.shelves["memory"].file) == 60
    for one in (index, other):
        for number in (0, 29, 30, 59):
            assert (await best(one, vectors[number]))[0] == number + 1
        assert len(one.shelves["memory"]) == 60
    assert not any((await index.drift()).values())
    index.close()
    other.close()
    await store.close()


async def test_a_record_that_becomes_large_is_searched_all_the_while(store: StructuredMemoryStore) -> None:
    vectors = unit(np.random.default_rng(12), 40)
    await fill(store, 8, vectors)
    index = index_over(store)
    assert await finds(index, vectors[7], 8)
    await fill(store, 30, vectors[8:], start=8)
    path = index.shelves["memory"].file.path
    path.parent.mkdir(mode=0o700)
    lock = FileLock(path.with_name(path.name + ".lock"))
    assert lock.try_acquire()
    for number in (7, 37):
        assert await finds(index, vectors[number], number + 1)
    lock.release()
    assert await index.settle()
    assert len(index.shelves["memory"].file) == 38
    for number in (7, 37):
        assert await finds(index, vectors[number], number + 1)
    index.close()
    await store.close()


async def test_forgotten_rows_are_blanked(store: StructuredMemoryStore, tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(4), 30)
    ids = await fill(store, 30, vectors)
    index = index_over(store)
    assert await index.settle()
    path = index.shelves["memory"].file.path
    kept = await asyncio.to_thread(path.read_bytes)
    short = numbers_of(index, 6)
    assert short in kept
    await store.forgetting.forget(await store.memories.get(ids[5]))
    drift = (await index.drift())["memory"]
    assert (drift.stale, drift.missing, drift.examples) == (1, 0, [6])
    assert await purge(store.database) == 0
    assert short not in await asyncio.to_thread(path.read_bytes)
    assert (await best(index, vectors[5]))[0] != 6
    assert len(index.shelves["memory"].file) == 29
    index.close()
    await store.close()


def numbers_of(index: ExactIndex, seq: int) -> bytes:
    blocks = index.shelves["memory"].file.blocks
    assert blocks is not None
    return bytes(blocks["numbers"][0][seq].tobytes())


async def test_another_process_that_forgets_is_noticed(store: StructuredMemoryStore) -> None:
    vectors = unit(np.random.default_rng(5), 30)
    ids = await fill(store, 30, vectors)
    index = index_over(store)
    assert await index.settle()
    await store.forgetting.forget(await store.memories.get(ids[5]))
    assert await index.settle()
    assert not any((await index.drift()).values())
    assert len(index.shelves["memory"].file) == 29
    index.close()
    await store.close()


async def test_making_it_goes_on_where_it_ended(store: StructuredMemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(np.random.default_rng(6), 30)
    await fill(store, 30, vectors)
    # Rows far apart, so that there are several blocks.
    await store.database.write(lambda c: c.exec_driver_sql(f"UPDATE memories SET seq = seq * {BLOCK // 8}"))
    index = ExactIndex(store.database, FINGERPRINT, file_from=10)
    monkeypatch.setattr("lra.memory.index.shelf._SPARSE", 10**6)
    shelf = index.shelves["memory"]
    looked: list[int] = []

    def report(done: int, of: int) -> None:
        looked.append(done)
        if len(looked) == 2:
            shelf.stop()

    monkeypatch.setattr(shelf, "_report", report)
    assert not await index.settle()
    assert shelf.file.marks is None
    partly = len(shelf.file)
    assert 0 < partly < 30
    # It answers from what there is.
    assert index
    second = ExactIndex(store.database, FINGERPRINT, file_from=10)
    assert await second.settle()
    assert len(second.shelves["memory"].file) == 30
    for number in (0, 29):
        assert (await best(second, vectors[number]))[0] == (number + 1) * (BLOCK // 8)
    index.close()
    second.close()
    await store.close()


@pytest.mark.parametrize("illness", ["cut", "other", "empty", "folder"])
async def test_an_ill_file_is_made_anew(store: StructuredMemoryStore, illness: str) -> None:
    vectors = unit(np.random.default_rng(7), 30)
    await fill(store, 30, vectors)
    index = index_over(store)
    assert await index.settle()
    path = index.shelves["memory"].file.path
    index.close()
    content = path.read_bytes()
    path.unlink()
    if illness == "folder":
        path.mkdir()
    else:
        path.write_bytes({"cut": content[:-5], "other": b"x" * len(content), "empty": b""}[illness])
    index = index_over(store)
    settled = await index.settle()
    assert (await best(index, vectors[9]))[0] == 10
    if illness == "folder":
        assert "cannot be written" in index.trouble
    else:
        assert settled
        assert len(index.shelves["memory"].file) == 30
    index.close()
    await store.close()


@pytest.mark.parametrize("longer", [True, False])
async def test_the_file_of_a_replaced_database_is_not_used(
    store: StructuredMemoryStore, tmp_path: Path, longer: bool
) -> None:
    other = StructuredMemoryStore(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    vectors = unit(np.random.default_rng(11), 90)
    await fill(store, 40, vectors)
    await fill(other, 60 if longer else 20, vectors[20:], start=1000)
    index = index_over(store)
    assert await index.settle()
    index.close()
    await store.close()
    await other.close()
    (tmp_path / "other.db").replace(tmp_path / "agent_memory.db")
    index = index_over(store)
    assert await index.settle()
    assert await finds(index, vectors[25], 6)
    assert len(index.shelves["memory"].file) == (60 if longer else 20)
    index.close()
    await store.close()


async def test_a_file_that_another_process_writes_is_left_to_it(store: StructuredMemoryStore) -> None:
    vectors = unit(np.random.default_rng(8), 30)
    await fill(store, 30, vectors)
    path = folder_of(store.database.path) / f"memory-{FINGERPRINT}.vectors"
    path.parent.mkdir(mode=0o700)
    lock = FileLock(path.with_name(path.name + ".lock"))
    assert lock.try_acquire()
    index = index_over(store)
    assert not await index.settle()
    assert not path.exists()
    lock.release()
    assert await index.settle()
    assert (await best(index, vectors[9]))[0] == 10
    index.close()
    await store.close()


async def test_rebuilding_replaces_the_file_when_it_is_complete(
    store: StructuredMemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit(np.random.default_rng(9), 30)
    await fill(store, 30, vectors)
    index = index_over(store)
    assert await index.settle()
    shelf = index.shelves["memory"]
    before = shelf.file.path.stat().st_ino
    seen: list[int] = []

    def report(_done: int, _of: int) -> None:
        seen.append(len(shelf.file))

    monkeypatch.setattr(shelf, "_report", report)
    assert await index.rebuild()
    assert set(seen) == {30}
    assert shelf.file.path.stat().st_ino != before
    assert (await best(index, vectors[9]))[0] == 10
    assert sorted(p.name for p in shelf.file.path.parent.iterdir() if not p.name.endswith(".lock")) == [
        f"memory-{FINGERPRINT}.vectors"
    ]
    index.close()
    await store.close()


async def test_a_full_disk_leaves_the_search_working(
    store: StructuredMemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = unit(np.random.default_rng(10), 30)
    await fill(store, 30, vectors)

    def full(_handle: int, _data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lra.memory.index.vectorfile._write_all", full)
    index = index_over(store)
    assert not await index.settle()
    assert "No space left" in index.trouble
    assert await index.ready(30)
    monkeypatch.undo()
    again = index_over(store)
    assert await again.settle()
    assert (await best(again, vectors[9]))[0] == 10
    index.close()
    again.close()
    await store.close()
