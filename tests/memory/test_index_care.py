"""What `lra memory doctor` finds, and what it and `reindex` put right."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from lra.memory import Memory
from lra.memory.findings import Finding
from lra.store import fts
from lra.store.bulk import TurnLine, insert_turns
from tests.memory.conftest import Opener
from tests.memory.embedders import HashingEmbedder


def unseen(_name: str, _done: int, _whole: int) -> None:
    return None


async def filled(opener: Opener, count: int = 30) -> Memory:
    memory = opener()
    memory._semantic.file_from = 10
    for number in range(count):
        await memory.remember(f"fact {number} of the world")
    turns = [
        TurnLine(id=f"t{n}", session="s", role="user", speaker="Ann", content=f"said {n} aloud", created_at=n + 1)
        for n in range(5)
    ]
    await memory.store.database.write(lambda connection: insert_turns(connection, turns))
    assert await memory.drain(20)
    assert await memory.care().reindex(unseen)
    return memory


async def examined(memory: Memory) -> dict[str, Finding]:
    """Return what is not as it should be, by the beginning of what was counted."""
    return {finding.what: finding for finding in await memory.care().examine() if finding.count}


async def execute(memory: Memory, statement: str, parameters: Sequence[object] = ()) -> None:
    await memory.store.database.write(lambda c: c.exec_driver_sql(statement, tuple(parameters)))


async def test_a_sound_record_has_nothing_to_put_right(opener: Opener) -> None:
    memory = await filled(opener)
    assert await examined(memory) == {}
    told = {finding.name: finding.what for finding in await memory.care().examine()}
    assert "agrees with the record" in told["vector file"]
    assert "MB" in told["process memory"]
    assert await memory.care().mend(unseen) == []


async def test_words_that_are_missing_are_indexed_again(opener: Opener) -> None:
    memory = await filled(opener)
    (record, *_) = await memory.find()
    await memory.store.database.write(lambda c: fts.drop_rows(c, "memories", [record.seq]))
    await memory.store.database.write(lambda c: fts.drop_rows(c, "journal", [1, 2]))
    await memory.store.database.write(lambda c: fts.index_row(c, "memories", 4711, "belongs to nothing"))
    found = await examined(memory)
    assert found["memories that full-text search does not know"].examples == (record.id,)
    assert found["messages that full-text search does not know"].count == 2
    assert found["entries that belong to no memories"].examples == ("4711",)
    done = await memory.care().mend(unseen)
    assert [(finding.name, finding.count) for finding in done] == [("words of memories", 2), ("words of messages", 2)]
    assert await examined(memory) == {}
    words = opener(HashingEmbedder())
    (hit,) = await words.search("Ann said 1 aloud", scope="turns", limit=1)
    assert hit.id == "t1"


async def test_vectors_that_are_missing_unused_foreign_or_malformed(opener: Opener) -> None:
    memory = await filled(opener)
    fingerprint = HashingEmbedder().fingerprint
    await execute(memory, "DELETE FROM vectors WHERE seq <= 3")
    await execute(memory, "UPDATE vectors SET vector = x'00' WHERE seq = 9")
    await execute(
        memory, "INSERT INTO vectors(content_hash, fingerprint, vector) VALUES ('ab', ?, x'00')", [fingerprint]
    )
    await execute(
        memory,
        "INSERT INTO vectors(content_hash, fingerprint, vector)"
        " SELECT content_hash, 'older-00000000', vector FROM vectors WHERE seq BETWEEN 21 AND 35",
    )
    searched = opener()
    (hit,) = await searched.search("fact 12 of the world", limit=1)
    assert hit.signals["cosine"] > 0.999
    found = {what: finding.count for what, finding in (await examined(memory)).items()}
    assert found["texts without a vector, which wait for none"] == 3
    assert found["vectors of a wrong length"] == 2
    assert found["vectors of texts that are gone"] == 1
    assert found["vectors of older-00000000, which is not used any more"] == 15
    embedder = HashingEmbedder()
    other = opener(embedder)
    other._semantic.file_from = 10
    await other.care().mend(unseen)
    assert len(embedder.embedded) == 4
    assert await examined(other) == {}
    for number in (0, 3, 8):
        (hit,) = await other.search(f"fact {number} of the world", limit=1)
        assert (hit.content, hit.signals["cosine"] > 0.999) == (f"fact {number} of the world", True)


async def test_a_vector_file_that_differs_is_put_right(opener: Opener, tmp_path: Path) -> None:
    memory = await filled(opener)
    (path,) = (tmp_path / "agent_memory.db.index").glob("memory-*.vectors")
    with path.open("r+b") as file:
        # The names of two rows.
        at = file.seek(-8 * 8192 + 8 * 5, 2)
        file.write(b"\x07" * 16)
    assert at > 0
    found = await examined(memory)
    (finding,) = (finding for what, finding in found.items() if "differs" in what)
    assert (finding.count, set(finding.examples)) == (2, {"5", "6"})
    await memory.care().mend(unseen)
    assert await examined(memory) == {}


async def test_numbers_gone_wrong_in_the_file_are_found_and_made_anew(opener: Opener, tmp_path: Path) -> None:
    memory = await filled(opener)
    (path,) = (tmp_path / "agent_memory.db.index").glob("memory-*.vectors")
    content = await asyncio.to_thread(path.read_bytes)
    size = 384 * 8192
    bits = (384 // 64) * 8 * 8192
    start = len(content) - (bits + 2 * size + 4 * 8192 + 8 * 8192)
    await asyncio.to_thread(
        path.write_bytes, content[:start] + bytes(bits + 2 * size) + content[start + bits + 2 * size :]
    )
    found = await examined(memory)
    assert any("not found by their own vectors" in what for what in found)
    drawn: list[str] = []
    assert await memory.care().reindex(lambda name, _done, _whole: drawn.append(name))
    assert await examined(memory) == {}


async def test_embedding_anew_replaces_every_vector(opener: Opener) -> None:
    memory = await filled(opener)
    embedder = HashingEmbedder()
    other = opener(embedder)
    assert await other.care().reindex(unseen)
    assert embedder.embedded == []
    steps: list[tuple[str, int, int]] = []
    assert await other.care().reindex(lambda *step: steps.append(step), fresh=True)
    assert len(embedder.embedded) == 35
    assert steps[0] == ("embedding", 0, 35)
    assert ("embedding", 35, 35) in steps
    assert await examined(memory) == {}


async def test_a_text_that_cannot_be_embedded_is_named(opener: Opener) -> None:
    embedder = HashingEmbedder()
    embedder.refuse = {"bad words"}
    memory = opener(embedder)
    write = await memory.remember("bad words")
    await memory.remember("good words")
    assert not await memory.care().reindex(unseen)
    found = await examined(memory)
    assert found["texts that could not be embedded so far"].examples == (write.record.id,)
    embedder.refuse = set()
    assert await memory.care().reindex(unseen)
    assert await examined(memory) == {}


async def test_reindexing_waits_for_the_process_that_owns_the_index(opener: Opener) -> None:
    owner, other = opener(), opener()
    await owner.start()
    await owner.remember("first words")
    assert await owner.drain(10)
    await execute(other, "DELETE FROM vectors")
    assert await other.care().reindex(unseen)
    assert (await other.status()).indexed == 1
    assert [(await memory.status()).owner for memory in (owner, other)] == [True, False]


async def test_what_is_forgotten_leaves_the_vector_files_before_the_receipt(opener: Opener) -> None:
    memory = await filled(opener)
    (record, *_) = [found for found in await memory.find() if found.content == "fact 7 of the world"]
    _, forgotten = await memory.erase(record.id)
    assert forgotten.receipt.left["vector files"] == 0
    index = memory._semantic._index(HashingEmbedder().fingerprint)
    drift = await index.drift()
    assert (drift["memory"].stale, len(index.shelves["memory"].file)) == (0, 29)
    index.close()
