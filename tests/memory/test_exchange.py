"""Import and export: everything comes back, nothing is merged, a bad file leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lra.errors import ExitCode, LraError, UsageError
from lra.memory import ImportReport, Memory
from lra.memory.exchange import jsonl, opening
from lra.memory.exchange.items import Problem
from lra.store import Entry, StructuredMemoryStore
from tests.memory.conftest import Opener, url

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
    assert [json.loads(line)["type"] for line in first] == [*["turn"] * 3, *["fact"] * 4]
    # A conversation with traits of its own says so once.
    assert ["session_info" in json.loads(line) for line in first].count(True) == 1
    other = Memory(StructuredMemoryStore(url(tmp_path / "other")))
    await other.import_file(write(tmp_path / "b", *first))
    assert await exported(other) == first
    assert (await other.import_file(tmp_path / "b")).skipped == len(first)
    (session,) = [kept for kept in await other.store.sessions.find() if kept.id == "chat"]
    original = await memory.store.sessions.get("chat")
    assert (session.origin, session.turns, session.created_at) == ("library", original.turns, original.created_at)
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
        ({"type": "vector", "hash": "x", "embedder": "e", "vector": "AAAA"}, '"hash"'),
        ({"type": "vector", "hash": "0" * 64, "embedder": "e", "vector": "AAA="}, '"vector"'),
        ({**TURN, "role": "tool"}, '"role"'),
    ],
)
async def test_a_bad_line_is_named_and_passed_over(memory: Memory, tmp_path: Path, line: Any, reason: str) -> None:
    many = [{**TURN, "id": f"m{i}"} for i in range(1202)]
    path = write(tmp_path / "a", *many, line, FACT)
    report = await memory.import_file(path)
    assert (report.turns, report.facts, report.wrong) == (1202, 1, 1)
    (problem,) = report.problems
    assert problem.place == "line 1203"
    assert reason in problem.reason
    with pytest.raises(LraError, match=r"line 1203: .*Nothing was imported"):
        await memory.import_file(write(path, *many, line, {**FACT, "id": "new"}), strict=True)
    assert len(await exported(memory)) == 1203


@pytest.mark.parametrize("line", [{**FACT, "id": "g1", "content": "other"}, {**TURN, "id": "u1", "content": "other"}])
@pytest.mark.parametrize("between", [0, 1200], ids=["near", "far apart"])
async def test_an_id_known_with_other_content_ends_the_import(
    memory: Memory, tmp_path: Path, line: Any, between: int
) -> None:
    good = [{**TURN, "id": "u1"}, {**FACT, "id": "g1"}]
    many = [{**TURN, "id": f"m{i}"} for i in range(between)]
    for dry_run in (True, False):
        with pytest.raises(UsageError, match=rf"line {between + 3}: .* known with other content"):
            await memory.import_file(write(tmp_path / "a", *good, *many, line), dry_run=dry_run)
    assert await exported(memory) == []
    assert await memory.store.sessions.find() == []
    assert await memory.store.queue.pending() == 0
    # The same when the record knows it, and what the file says before is new.
    await memory.import_file(write(tmp_path / "a", *good))
    with pytest.raises(UsageError, match=r"line 2: .* known with other content"):
        await memory.import_file(write(tmp_path / "a", {**TURN, "id": "new"}, line))
    assert len(await exported(memory)) == 2


async def test_a_dry_run_counts_what_an_import_would_do(memory: Memory, tmp_path: Path) -> None:
    await memory.import_file(write(tmp_path / "a", TURN))
    facts = [{**FACT, "id": f"f{i}", "kind": "fact" if i % 3 else "preference"} for i in range(1200)]
    path = write(tmp_path / "a", TURN, *facts, "{", facts[0], {**TURN, "id": "t2"})
    before = await exported(memory)
    report = await memory.import_file(path, dry_run=True)
    assert await exported(memory) == before
    assert report.dry_run
    assert report.kinds == {"preference": 400, "fact": 800}
    assert report.examples[0] == FACT["content"]
    done = await memory.import_file(path)
    assert (done, done.kinds) == (report, report.kinds)
    assert (done.turns, done.facts, done.skipped, done.wrong) == (1, 1200, 2, 1)


async def test_what_nothing_can_be_read_of_is_an_error(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        await memory.import_file(tmp_path / "missing")
    with pytest.raises(LraError, match=r"line 1: it is not valid JSON") as caught:
        await memory.import_file(write(tmp_path / "a.jsonl", "nonsense", "{}"))
    assert caught.value.exit_code is ExitCode.FAILED
    (tmp_path / "latin").write_bytes(json.dumps(TURN).encode() + b"\n\xff\xfe\n")
    assert (await memory.import_file(tmp_path / "latin")).problems == (Problem("line 2", "it is not UTF-8"),)


async def test_an_endless_line_is_passed_over(memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (opening, jsonl):
        monkeypatch.setattr(module, "MAX_ITEM", 100_000)
    long = {**TURN, "id": "long", "content": "x" * 350_000}
    fits = {**TURN, "id": "fits", "content": "x" * 90_000}
    report = await memory.import_file(write(tmp_path / "a", TURN, long, fits, FACT))
    assert (report.turns, report.facts) == (2, 1)
    assert [problem.place for problem in report.problems] == ["line 2"]


async def test_what_was_spoken_with_a_person_has_turns(memory: Memory, tmp_path: Path) -> None:
    said = ["user", "assistant", "user", "user", "assistant"]
    lines = [{**TURN, "id": f"t{i}", "speaker": who, "content": f"{who} {i}"} for i, who in enumerate(said)]
    await memory.import_file(write(tmp_path / "a", *lines[:2]))
    await memory.import_file(write(tmp_path / "a", *lines[2:]))
    rows = await memory.store.journal.rows("s1")
    assert len({row.turn_id for row in rows}) == 3
    assert [row.role for row in rows] == said
    assert (await memory.store.sessions.get("s1")).turns == 3


async def test_vectors_go_along_when_asked_for(opener: Opener, memory: Memory, tmp_path: Path) -> None:
    source = opener()
    await source.import_file(write(tmp_path / "a", TURN, FACT))
    await source.drain()
    assert len(await exported(source)) == 2
    lines = [line async for line in source.export(vectors=True)]
    assert [json.loads(line)["type"] for line in lines] == ["turn", "fact", "vector", "vector"]
    other = Memory(StructuredMemoryStore(url(tmp_path / "other")))
    assert (await other.import_file(write(tmp_path / "b", *lines))).vectors == 2
    assert [line async for line in other.export(vectors=True)] == lines
    assert (await other.import_file(tmp_path / "b")).vectors == 0
    await other.store.close()


async def test_a_secret_among_ones_own_memories_is_told(memory: Memory, tmp_path: Path) -> None:
    secret = {**FACT, "content": "The token is ghp_" + "a1B2" * 9}
    report = await memory.import_file(write(tmp_path / "a", TURN, secret))
    assert (report.facts, report.secret_facts) == (1, 1)
    assert report.secrets[0].place == "line 2"
    assert "token" in report.secrets[0].reason.lower()


async def test_a_byte_order_mark_and_windows_line_ends_are_fine(memory: Memory, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + json.dumps(TURN).encode() + b"\r\n\r\n")
    assert (await memory.import_file(tmp_path / "a")).turns == 1


async def test_many_lines_go_in_with_few_statements(memory: Memory, tmp_path: Path) -> None:
    lines = [{**TURN, "id": f"t{i}", "session": f"s{i % 40}", "content": f"line {i}"} for i in range(5000)]
    assert (await memory.import_file(write(tmp_path / "a", *lines))).turns == 5000
    assert (await memory.search("4999", scope="turns"))[0].id == "t4999"
    assert await memory.store.queue.pending() == 5000


async def test_what_was_said_without_memory_is_not_exported(memory: Memory, tmp_path: Path) -> None:
    lines = [TURN, {**TURN, "id": "t2", "session": "s2"}]
    await memory.import_file(write(tmp_path / "a", *lines))
    await memory.store.database.write(
        lambda connection: connection.exec_driver_sql("UPDATE sessions SET private = 1 WHERE id = 's2'").close()
    )
    assert [json.loads(line)["id"] for line in await exported(memory)] == ["t1"]
