"""What the status line knows of a conversation."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lra.chat.status import Status, look
from lra.config import load_settings
from lra.memory import Memory
from lra.runtime import Runtime
from lra.session import Session
from lra.store import NewMemory
from tests.memory.embedders import HashingEmbedder


@pytest.mark.parametrize("embedding", ["none", "minilm"])
async def test_what_nothing_indexes_is_not_said_to_be_indexed(
    home: Path, monkeypatch: pytest.MonkeyPatch, embedding: str
) -> None:
    monkeypatch.setenv("LRA_EMBEDDING", embedding)
    runtime = await Runtime.open(await asyncio.to_thread(load_settings))
    try:
        session = await Session.open(runtime, model="offline")
        await runtime.memory.remember("The red lamp is broken")
        await runtime.memory.remember("Tea is at five")
        # Nobody was told that a summary is remembered, and nobody counts it.
        await runtime.store.memories.add(NewMemory(content="You: Tea is at five", kind="summary", source="summary"))
        status = Status()
        await look(status, session, memory=True)
        assert status.memory == "2 memories"
        # With an embedder at hand what waits for it is said, until it is done.
        runtime.memory = Memory(runtime.store, settings=runtime.settings, embedder=HashingEmbedder())
        await look(status, session, memory=True)
        assert status.memory == ("2 memories" if embedding == "none" else "indexing 3")
        await look(status, session, memory=False)
        assert status.memory == "memory off"
        await session.close(summarize=False)
    finally:
        await runtime.close()
