"""The library class: no argument, no network, no model, and no lost write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lra.memory import Memory, VectorMemoryStore

NEVER_CLOSED = """
import asyncio
from lra import VectorMemoryStore

async def main():
    store = VectorMemoryStore()
    kept = await store.add(None, "The moon is made of cheese", {"topic": "space"})
    await store.add("b", "The sun is a star")
    await store._memory.start()
    for hit in await store.search("what is the moon made of?"):
        print(hit["id"] == kept, hit["text"], hit["metadata"])

asyncio.run(main())
"""


def test_it_works_with_no_argument_and_without_being_closed() -> None:
    run = subprocess.run([sys.executable, "-c", NEVER_CLOSED], capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "True The moon is made of cheese {'topic': 'space'}\n"


async def test_add_search_delete(tmp_path: Path) -> None:
    store = VectorMemoryStore(tmp_path / "mine")
    assert await store.add("a", "red apples", {"year": 2020}) == "a"
    await store.add("b", "green apples", {"year": 2021})
    await store.add("c", "red apples", {"year": 2022})
    assert len(await store.search("apples", top_k=1)) == 1
    (hit,) = await store.search("apples", where={"year": 2021})
    assert (hit["id"], hit["text"]) == ("b", "green apples")
    assert 0 < hit["score"] <= 1
    await store.add("b", "yellow pears")
    assert [hit["id"] for hit in await store.search("pears")] == ["b"]
    assert await store.search("green") == []
    assert await store.delete("b")
    assert not await store.delete("b")
    assert await store.search("pears") == []
    await store.close()
    again = VectorMemoryStore(tmp_path / "mine")
    assert {hit["id"] for hit in await again.search("apples")} == {"a", "c"}
    await again.close()


async def test_its_texts_are_not_recalled_in_a_conversation(memory: Memory) -> None:
    store = VectorMemoryStore(memory=memory)
    await store.add(None, "My dog is called Rex")
    assert await memory.recall("what is my dog called?") == []
    assert len(await store.search("what is my dog called?")) == 1
