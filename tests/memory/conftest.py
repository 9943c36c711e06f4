"""A memory on a record of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lra.memory import Memory
from lra.store import StructuredMemoryStore
from tests.memory.embedders import HashingEmbedder

Opener = Callable[..., Memory]


def url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'agent_memory.db'}"


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    """Words only."""
    memory = Memory(StructuredMemoryStore(url(tmp_path)))
    yield memory
    await memory.close()
    await memory.store.close()


@pytest.fixture
async def opener(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens memories on one record, each with connections and an index of its own, as processes would."""
    opened: list[Memory] = []

    def open_(embedder: HashingEmbedder | None = None, *, chroma_from: int = 1_000_000) -> Memory:
        memory = Memory(
            StructuredMemoryStore(url(tmp_path)), embedder=embedder or HashingEmbedder(), chroma_from=chroma_from
        )
        opened.append(memory)
        return memory

    yield open_
    for memory in opened:
        await memory.close()
        await memory.store.close()
