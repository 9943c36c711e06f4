"""Out, in and out again gives the same bytes, whatever the record holds."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lra.memory import Memory
from lra.store import Entry, NewMemory, StructuredMemoryStore
from lra.text import clean_text
from tests.memory.conftest import url

TEXT = st.text(min_size=1, max_size=40).map(lambda text: clean_text(text).strip() or "x")
MOMENT = st.integers(-60_000_000_000_000_000, 4_000_000_000_000_000) | st.none()
NAME = st.sampled_from(["a", "b", "c"])
ACTION = st.one_of(
    st.tuples(
        st.just("add"),
        st.fixed_dictionaries(
            {
                "content": TEXT,
                "kind": st.sampled_from(["fact", "preference", "summary"]),
                "key": st.sampled_from([None, "k", "user.name"]),
                "tags": st.lists(TEXT, max_size=3).map(tuple),
                "pin": st.booleans(),
                "confidence": st.floats(0, 1),
                "source": st.sampled_from(["user", "tool", "import"]),
                "namespace": st.sampled_from(["default", "people"]),
                "session_id": st.none() | NAME,
                "created_at": MOMENT,
                "valid_from": st.none() | st.integers(-60_000_000_000_000_000, 0),
                "valid_to": st.none() | st.integers(1, 4_000_000_000_000_000),
                "metadata": st.dictionaries(TEXT, st.recursive(st.none() | st.integers() | TEXT, st.lists), max_size=2),
                "agent": st.none() | TEXT,
                "local_only": st.booleans(),
            }
        ),
    ),
    st.tuples(st.just("edit"), TEXT),
    st.tuples(st.just("forget"), st.none()),
    st.tuples(st.just("say"), st.tuples(NAME, st.sampled_from(["user", "assistant", "tool"]), TEXT, MOMENT)),
    st.tuples(st.just("title"), st.tuples(NAME, TEXT)),
)


async def act(memory: Memory, action: str, value: Any) -> None:
    store = memory.store
    if action == "add":
        if value["session_id"]:
            await store.ensure_session(value["session_id"])
        await store.memories.put(NewMemory(**value)) if value["pin"] else await store.memories.add(NewMemory(**value))
    elif action in ("edit", "forget"):
        for record in (await memory.find())[:1]:
            if action == "edit":
                await memory.edit(record.id, value)
            else:
                await memory.forget(record.id)
    elif action == "say":
        session, role, text, at = value
        await store.ensure_session(session)
        await store.journal.append(session, None, [Entry(role=role, content=text, created_at=at)])
    else:
        await store.ensure_session(value[0])
        await store.sessions.set_title(value[0], value[1], by_user=True)


async def exported(memory: Memory) -> bytes:
    return "".join([line + "\n" async for line in memory.export(vectors=True)]).encode()


async def round_trip(actions: list[tuple[str, Any]], folder: Path) -> tuple[bytes, bytes]:
    first, second = (Memory(StructuredMemoryStore(url(folder / name))) for name in ("one", "two"))
    try:
        for action, value in actions:
            await act(first, action, value)
        one = await exported(first)
        await asyncio.to_thread((folder / "out.jsonl").write_bytes, one)
        if one:
            report = await second.import_file(folder / "out.jsonl")
            assert (report.wrong, report.skipped) == (0, 0)
            again = await second.import_file(folder / "out.jsonl")
            assert (again.facts, again.turns, again.sessions) == (0, 0, 0)
        return one, await exported(second)
    finally:
        for memory in (first, second):
            await memory.close()
            await memory.store.close()


# Each example opens two databases: shrinking one would take minutes.
@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(ACTION, max_size=8))
def test_everything_comes_back(actions: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        before, after = asyncio.run(round_trip(actions, Path(folder)))
    assert after == before
