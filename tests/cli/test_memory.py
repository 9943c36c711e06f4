"""`lra memory`."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest

from lra.store import NewMemory, StructuredMemoryStore

from .conftest import Cli


def test_add_list_edit_and_history(cli: Cli) -> None:
    first = cli("memory", "add", "The dog is called Rex", "--key", "dog", "-t", "pet", "--json").json
    assert first["action"] == "created"
    assert first["tags"] == ["pet"]
    second = cli("memory", "add", "--key", "dog", stdin="The dog is called Max\n")
    assert second.code == 0
    new_id = second.out.strip()
    (memory,) = cli("memory", "list", "--json").json
    assert (memory["id"], memory["content"]) == (new_id, "The dog is called Max")
    assert cli("memory", "edit", new_id[:5], "The dog is called Max, since May").code == 0
    assert cli("memory", "show", new_id, "--json").json["content"] == "The dog is called Max, since May"
    assert cli("memory", "pin", new_id).code == 0
    changes = cli("memory", "history", new_id, "--json").json
    actions = [change["action"] for change in changes]
    assert actions[0] == "created"
    assert "edited" in actions
    assert changes[-1]["fields"] == ["pin"]
    assert "\tpinned\t" in cli("memory", "history", new_id).out
    assert " pinned by the person" in cli("memory", "blame", new_id).out


def test_search_has_the_contract_s_shape(full: Cli) -> None:
    hits = full("memory", "search", "dog", "called", "--scope", "memories", "--limit", "3", "--json").json
    assert hits[0]["id"] == "mem000000001"
    assert set(hits[0]) == {"id", "session", "kind", "content", "created_at", "score", "signals"}
    assert full("memory", "search", "dog", "--json", "--until", "2001-01-01").json == []
    assert full("memory", "search", "xylophone", "--json").json == []
    turn = full("memory", "search", "dog", "--scope", "turns", "-n", "1", "--json").json[0]
    assert full("memory", "show", turn["id"], "--json").json["content"] == turn["content"]


def test_search_in_batches(full: Cli) -> None:
    lines = [
        {"qid": "b", "query": "dog", "scope": "memories", "limit": 1},
        {"qid": 7, "query": "xylophone", "since": "2001-01-01", "as_of": "2030-01-01T10:00:00+02:00"},
        {"qid": "a", "query": "tea or coffee", "scope": "memories"},
    ]
    text = "\n\n".join(json.dumps(line) for line in lines)
    answers = [json.loads(line) for line in full("memory", "search", "--batch", "-", stdin=text).out.splitlines()]
    assert [answer["qid"] for answer in answers] == ["b", 7, "a"]
    assert [len(answer["hits"]) for answer in answers][:2] == [1, 0]
    assert answers[2]["hits"][0]["id"] == "mem000000002"
    (full.folder / "queries.jsonl").write_text("")
    empty = full("memory", "search", "--batch", "queries.jsonl")
    assert (empty.code, empty.out) == (0, "")


def test_what_a_conversation_would_be_given(full: Cli) -> None:
    (line,) = full(
        "memory", "search", "--batch", "-", "--scope", "recall", "--timing", stdin='{"qid": 1, "query": "dog called"}'
    ).out.splitlines()
    answer = json.loads(line)
    assert answer["ms"] > 0
    assert "mem000000001" in [hit["id"] for hit in answer["hits"]]
    assert full("memory", "search", "tea", "--scope", "recall", "--since", "2001-01-01").code == 2
    filtered = full("memory", "search", "--batch", "-", "--scope", "recall", stdin='{"qid":1,"query":"x","limit":1}')
    assert (filtered.code, filtered.out) == (2, "")
    assert full("memory", "search", "dog", "--timing").code == 2


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"query": "x"}',
        '{"qid": 1, "query": " "}',
        '{"qid": 1, "query": "x", "scope": "all of it"}',
        '{"qid": 1, "query": "x", "limit": 0}',
        '{"qid": 1, "query": "x", "since": "yesterday"}',
        "[" * 100_000,
    ],
)
def test_a_bad_line_is_named(line: str) -> None:
    from lra.cli.batch import parse_queries
    from lra.errors import UsageError

    with pytest.raises(UsageError, match=r"^Line 2 of q\.jsonl is no query: ") as caught:
        parse_queries(f'{{"qid": 1, "query": "dog"}}\n{line}', "q.jsonl")
    assert caught.value.exit_code == 2


def test_a_bad_batch_prints_nothing(full: Cli) -> None:
    result = full("memory", "search", "--batch", "-", stdin=b'{"qid": 1, "query": "dog"}\n\xff\xfe')
    assert (result.code, result.out) == (2, "")
    assert "Line 2 of standard input" in result.err


def test_forget_asks_and_then_it_is_gone(full: Cli) -> None:
    assert full("memory", "forget", "mem000000001").code == 4
    assert full("memory", "forget", "mem000000001", "--yes").code == 0
    assert full("memory", "show", "mem000000001").code == 1
    assert full("memory", "search", "called", "Rex", "--scope", "memories", "--json").json == []
    history = full("memory", "history", "mem000000001", "--json").json
    assert [change["action"] for change in history][-1] == "forgotten"
    assert "Rex" not in json.dumps(history)


def test_export_and_import_carry_everything_over(full: Cli) -> None:
    assert full("memory", "export", "-o", "all.jsonl").code == 0
    path = full.folder / "all.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["type"] for line in lines} == {"turn", "fact"}
    fresh = {"LRA_HOME": str(full.root / "fresh")}
    report = full("memory", "import", "all.jsonl", "--json", env=fresh).json
    assert (report["turns"], report["facts"], report["skipped"]) == (2 + 1, 2, 0)
    again = full("memory", "import", "all.jsonl", "--json", env=fresh).json
    assert (again["turns"], again["facts"], again["skipped"]) == (0, 0, 5)
    assert full("memory", "search", "Rex", "--json", env=fresh).json


def test_import_from_a_pipe(cli: Cli) -> None:
    line = '{"type": "fact", "id": "f1", "content": "The sky is blue", "created_at": "2024-01-01"}'
    command = f"echo '{line}' | {sys.executable} -m lra memory import - --json"
    done = subprocess.run(["sh", "-c", command], env=cli.environment(), cwd=cli.folder, capture_output=True, check=True)
    assert json.loads(done.stdout)["facts"] == 1
    assert cli("memory", "import", "-", stdin=line, env={}).out.startswith("0 turns and 0 facts imported, 1 known")
    bad = subprocess.run(
        ["sh", "-c", command.replace("fact", "fiction")],
        env=cli.environment(),
        cwd=cli.folder,
        capture_output=True,
        check=False,
    )
    assert bad.returncode == 1
    assert bad.stderr.startswith(b"lra: standard input, line 1: ")


def test_bad_input(full: Cli) -> None:
    assert full("memory", "add", "  ").code == 2
    assert full("memory", "search").code == 2
    assert full("memory", "search", "x", "--since", "yesterday").code == 2
    assert full("memory", "search", "x", "--batch", "-").code == 2
    assert full("memory", "show", "--", "-x").code == 1
    result = full("memory", "import", "missing.jsonl")
    assert result.code in {1, 2}
    assert "missing.jsonl" in result.err
    (full.folder / "bad.jsonl").write_text('{"type": "fact", "id": "1"}\n')
    assert full("memory", "import", "bad.jsonl").code in {1, 2}


def test_a_listing_counts_summaries_apart(full: Cli) -> None:
    assert full("memory", "list").err == ""

    async def work(store: StructuredMemoryStore) -> None:
        await store.memories.add(NewMemory(content="They spoke of the dog", kind="summary", source="summary"))

    full.store(work)
    listed = full("memory", "list")
    assert listed.out.count("\n") == 3
    assert listed.err == "2 memories, and 1 summary of a conversation.\n"
    assert full("memory", "list", "--kind", "summary").err == ""
    assert full("memory", "list", "--json").err == ""
