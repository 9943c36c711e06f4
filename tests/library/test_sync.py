"""Sessions and turns without await, in scripts and where a loop runs already."""

from __future__ import annotations

import asyncio
import threading

import pytest
from blockbuster import BlockBuster

from lra import AgentDeps, StructuredMemoryStore, SyncSession, run_agent_sync
from lra.errors import ConfigError
from lra.events import TextDelta, TurnFinished


def words(session: SyncSession, text: str) -> str:
    return "".join(event.text for event in session.send(text) if isinstance(event, TextDelta))


def test_a_session_that_waits() -> None:
    with SyncSession(model="offline") as session:
        assert words(session, "Remember that my dog is called Rex.")
        answer = words(session, "What is my dog called?")
        assert "Rex" in answer
        fork = session.fork()
        assert fork.id != session.id
        assert "Rex" in words(fork, "What is my dog called?")
        fork.close()
        left = session.id
    session.close()
    with SyncSession(model="offline", resume=left) as again:
        assert "Rex" in words(again, "What is my dog called?")


def test_leaving_early_ends_the_turn() -> None:
    with SyncSession(model="offline") as session:
        for event in session.send("hello"):
            if event.type == "turn_started":
                break
        last = list(session.send("hello again"))[-1]
        assert isinstance(last, TurnFinished)
        assert last.outcome == "completed"


def test_what_goes_wrong_is_raised_and_no_thread_stays() -> None:
    with pytest.raises(ConfigError):
        SyncSession(model="nobody")
    assert not [thread for thread in threading.enumerate() if thread.name == "lra-sync"]


def test_one_turn() -> None:
    store = StructuredMemoryStore()
    deps = AgentDeps(session_id="mine", structured_store=store)
    answer, messages = run_agent_sync("hello", deps, model="offline")
    assert answer
    answer, more = run_agent_sync("hello again", deps, model="offline")
    assert len(more) == len(messages) + 2
    asyncio.run(store.close())


async def test_one_turn_where_a_loop_runs(no_blocking_calls: BlockBuster) -> None:
    # As in a cell of a notebook: the call blocks, which is what was asked for, and works.
    no_blocking_calls.deactivate()

    def cell() -> str:
        async def inside() -> str:
            store = StructuredMemoryStore()
            answer, _ = run_agent_sync("hello", AgentDeps(session_id="mine", structured_store=store), model="offline")
            return answer

        return asyncio.run(inside())

    assert await asyncio.to_thread(cell)
