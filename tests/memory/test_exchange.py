"""Import and export: everything comes back, nothing is merged, a bad file leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lra.errors import UsageError
from lra.memory import ImportReport, Memory
from lra.store import Entry, StructuredMemoryStore
from tests.memory.conftest import url

TURN = {
    "type": "turn",
    "id": "t1",
    "session": "s1",
    "speaker": "Caroline",
    "content": "I adopted a cat",
    "created_at": "2024-05-01T10:00:00Z",
}
FACT = {
    "type": "fact",
    "id": "f1",
    "content": "Caroline's cat is called Mio",
    "created_at": "2024-05-02T10:00:00Z",
    "key": "caroline.cat",
    "session": "s1",
    "kind": "preference",
    "tags": ["pets", "Katzen 🐈"],
    "pin": True,
    "valid_from": "2024-05-01T00:00:00Z",
    "valid_to": "2044-05-01T00:00:00Z",
    "namespace": "people",
    "history": [
        {"action": "created", "content": "a cat", "actor": "user", "at": "2024-05-01T10:00:00Z"},
        {"action": "edited", "content": "Caroline's cat is called Mio", "actor": "user", "at": "2024-05-02T10:00:00Z"},
    ],
}


def write(path: Path, *lines: Any) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


async def exported(memory: Memory) -> list[str]:
    return [line async for line in memory.export()]


async def test_fields_survive(memory: Memory, tmp_path: Path) -> None:
    assert await memory.import_file(write(tmp_path / "a", TURN, "", FACT)) == ImportReport(1, 1, 0)
    record = await memory.get("f1")
    assert (record.key, record.kind, record.tags, record.pin) == ("caroline.cat", "preference", FACT["tags"], True)
    assert (record.namespace, record.session_id) == ("people", "s1")
    assert [row.action for row in await memory.history("f1")] == ["created", "edited"]
    session = await memory.store.sessions.get("s1")
    assert session.origin == "import"
    (row,) = await memory.store.journal.rows("s1")
    assert (row.id, row.speaker, row.role, row.content) == ("t1", "Caroline", "user", "I adopted a cat")
    assert [hit.id for hit in await memory.search("what did Caroline adopt?", scope="turns")] == ["t1"]
    lines = [json.loads(line) for line in await exported(memory)]
    assert lines[0] == {**TURN, "created_at": "2024-05-01T10:00:00.000000Z"}
    assert {name: lines[1][name] for name in ("id", "content", "key", "tags", "pin", "namespace")} == {
        name: FACT[name] for name in ("id", "content", "key", "tags", "pin", "namespace")
    }


async def test_export_import_export_gives_the_same_lines(memory: Memory, tmp_path: Path) -> None:
    await memory.store.ensure_session("chat")
    turn = await memory.store.journal.begin_turn("chat", Entry(role="user", content="hello 世界\nline"), model="m")
    await memory.store.journal.finish_turn(
        turn.id, outcome="completed", entries=[Entry(role="assistant", content="hi"), Entry(role="tool", content="x")]
    )
    await memory.remember("The code is 1", key="code", tags=["a"], pin=True, kind="instruction", session_id="chat")
    await memory.remember("The code is 2", key="code")
    await memory.remember("The code is 2")
    edited = await memory.remember("Tea")
    await memory.edit(edited.record.id, "Green tea")
    await memory.import_file(write(tmp_path / "a", TURN, FACT))
    first = await exported(memory)
    assert len(first) == 3 + 4
    other = Memory(StructuredMemoryStore(url(tmp_path / "other")))
    await other.import_file(write(tmp_path / "b", *first))
    assert await exported(other) == first
    assert (await other.import_file(tmp_path / "b")).skipped == len(first)
    assert [hit.content for hit in await other.search("code", scope="memories")] == ["The code is 2"]
    await other.store.close()


async def test_import_never_merges(memory: Memory, tmp_path: Path) -> None:
    same = {**FACT, "id": "f2"}
    await memory.import_file(write(tmp_path / "a", FACT, same, same))
    assert len(await memory.find()) == 2
    report = await memory.import_file(write(tmp_path / "a", FACT, TURN))
    assert report == ImportReport(turns=1, facts=0, skipped=1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "not a JSON object"),
        ({"type": "note"}, '"note"'),
        ({**TURN, "id": 3}, '"id" is not a string'),
        ({**TURN, "session": ""}, '"session" is empty'),
        ({**TURN, "created_at": "yesterday"}, '"created_at" is not an ISO 8601 time'),
        ({**FACT, "content": None}, '"content" is missing'),
        ({**FACT, "tags": "a"}, '"tags"'),
        ({**FACT, "pin": "yes"}, '"pin"'),
        ({**FACT, "history": ["x"]}, '"history"'),
        ({**FACT, "id": "g1", "content": "other"}, "known with other content"),
        ({**TURN, "id": "u1", "content": "other"}, "known with other content"),
    ],
)
async def test_a_bad_line_is_named_and_nothing_is_kept(memory: Memory, tmp_path: Path, line: Any, reason: str) -> None:
    good = [{**TURN, "id": "u1"}, {**FACT, "id": "g1"}]
    many = [{**TURN, "id": f"m{i}"} for i in range(1200)]
    with pytest.raises(UsageError) as caught:
        await memory.import_file(write(tmp_path / "a", *good, *many, line))
    assert "line 1203" in str(caught.value)
    assert reason in str(caught.value)
    assert await exported(memory) == []
    assert await memory.store.sessions.find() == []
    assert await memory.store.queue.pending() == 0


async def test_a_file_that_cannot_be_read(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        await memory.import_file(tmp_path / "missing")
    (tmp_path / "latin").write_bytes(json.dumps(TURN).encode() + b"\n\xff\xfe\n")
    with pytest.raises(UsageError, match="line 2: it is not UTF-8"):
        await memory.import_file(tmp_path / "latin")


async def test_a_byte_order_mark_and_windows_line_ends_are_fine(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + json.dumps(TURN).encode() + b"\r\n\r\n")
    assert (await memory.import_file(tmp_path / "a")).turns == 1


async def test_many_lines_go_in_with_few_statements(memory: Memory, tmp_path: Path) -> None:
    lines = [{**TURN, "id": f"t{i}", "session": f"s{i % 40}", "content": f"line {i}"} for i in range(5000)]
    assert (await memory.import_file(write(tmp_path / "a", *lines))).turns == 5000
    assert (await memory.search("4999", scope="turns"))[0].id == "t4999"
    assert await memory.store.queue.pending() == 5000
