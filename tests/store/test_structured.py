"""The record as a library user sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lra.errors import UsageError
from lra.store import StructuredMemoryStore
from lra.store.clock import parse_time

Make = Callable[..., StructuredMemoryStore]


async def test_conversations_come_back_oldest_first(open_store: Make) -> None:
    store = open_store()
    for number in range(5):
        await store.append_conversation("a", "user" if number % 2 == 0 else "assistant", f"line {number}")
    await store.append_conversation("b", "user", "elsewhere")
    lines = await store.get_conversations("a", limit=3)
    assert [(line["role"], line["content"]) for line in lines] == [
        ("user", "line 2"),
        ("assistant", "line 3"),
        ("user", "line 4"),
    ]
    assert all(line["session_id"] == "a" for line in lines)
    moments = [parse_time(line["timestamp"]) for line in lines]
    assert moments == sorted(moments)
    assert [line["content"] for line in await store.get_conversations_all_sessions(2)] == ["line 4", "elsewhere"]
    assert await store.get_conversations("nobody") == []


async def test_tasks_are_made_and_changed_by_id(open_store: Make) -> None:
    store = open_store()
    await store.upsert_task("s", "t1", "Buy bread", metadata={"shop": "corner"})
    await store.upsert_task("s", "t1", "Buy more bread", "in_progress")
    await store.upsert_task("other", "t2", "Sleep", "done")
    task = await store.get_task("t1")
    assert task is not None
    assert (task.title, task.status, task.metadata) == ("Buy more bread", "in_progress", {"shop": "corner"})
    assert [task.id for task in await store.get_tasks()] == ["t1", "t2"]
    assert [task.id for task in await store.get_tasks("other")] == ["t2"]
    assert await store.get_task("t3") is None
    with pytest.raises(UsageError):
        await store.upsert_task("s", "t1", "Buy bread", "someday")


async def test_summaries_and_the_audit_log(open_store: Make) -> None:
    store = open_store()
    await store.append_summary("s", "They talked about bread.")
    await store.append_summary("s", "Then about sleep.")
    assert await store.get_summaries("s") == ["They talked about bread.", "Then about sleep."]
    assert await store.get_summaries("other") == []
    await store.append_audit_log("run-1", "s", "tool_call", {"name": "search", "n": 1})
    (event,) = await store.audit.find(session_id="s")
    assert (event["run_id"], event["event_type"], event["payload"]) == (
        "run-1",
        "tool_call",
        {"name": "search", "n": 1},
    )


async def test_old_lines_can_be_forgotten(open_store: Make) -> None:
    store = open_store()
    await store.append_conversation("s", "user", "old words")
    await store.append_conversation("other", "user", "other words")
    assert await store.forget_old_entries("s", datetime.now(UTC) - timedelta(days=1)) == 0
    assert await store.forget_old_entries("s", datetime.now(UTC) + timedelta(days=1)) == 1
    assert await store.get_conversations("s") == []
    assert len(await store.get_conversations("other")) == 1


@pytest.mark.parametrize(
    "text", ["lone \ud800 surrogate", "nul \0 inside", "\udcff\udcfe", "\x1b[31mred", "x" * 1_000_000]
)
async def test_any_text_can_be_kept(open_store: Make, text: str) -> None:
    store = open_store()
    await store.append_conversation("s", "user", text)
    (line,) = await store.get_conversations("s")
    assert line["content"] == text.replace("\ud800", "\ufffd").replace("\0", "\ufffd").replace(
        "\udcff\udcfe", "\ufffd\ufffd"
    )
