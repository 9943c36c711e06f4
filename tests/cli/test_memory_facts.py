"""`lra memory` through time, and forgetting by words, conversation and date."""

from __future__ import annotations

import json
from typing import Any

from lra.store import Entry, NewMemory, StructuredMemoryStore

from .conftest import SESSION, Cli


def test_marks_undo_and_blame(full: Cli) -> None:
    assert full("memory", "pin", "mem000000001", "--json").json["pin"] is True
    assert full("memory", "tag", "mem000000001", "animal", "home", "--json").json["tags"] == ["animal", "home"]
    assert full("memory", "tag", "mem000000001", "home", "--remove", "--json").json["tags"] == ["animal"]
    assert full("memory", "unpin", "mem000000001").out == "mem000000001 #animal\n"
    for _ in range(4):
        assert full("memory", "undo").code == 0
    shown = full("memory", "show", "mem000000001", "--json").json
    assert (shown["pin"], shown["tags"]) == (False, [])
    first = full("memory", "blame", "mem000000001", "--json").json[0]
    assert (first["action"], first["actor"], first["turn_number"]) == ("created", "user", None)
    assert ":" in first["process"]
    assert full("memory", "undo", "--json").json == [
        {"id": "mem000000002", "action": "removed", "content": "Tea, never coffee"}
    ]
    assert full("memory", "undo").code == 0
    nothing = full("memory", "undo")
    assert (nothing.code, nothing.out) == (1, "")


def test_blame_names_turn_call_and_words(full: Cli) -> None:
    async def work(store: StructuredMemoryStore) -> None:
        turn = await store.journal.begin_turn(SESSION, Entry(role="user", content="I moved to Oslo"), model="m:x")
        new = NewMemory(
            id="mem000000009", content="User lives in Oslo", source="tool", session_id=SESSION, turn_id=turn.id
        )
        await store.memories.add(NewMemory(**{**_fields(new), "tool_call_id": "call-77"}))

    full.store(work)
    shown = full("memory", "blame", "mem000000009").out
    assert f"created by the model in turn 2 of session {SESSION}" in shown
    assert "tool call call-77, model m:x" in shown
    assert "the person had said: I moved to Oslo" in shown


def _fields(new: NewMemory) -> dict[str, Any]:
    return {name: getattr(new, name) for name in NewMemory.__dataclass_fields__}


def test_asof_and_diff(cli: Cli) -> None:
    facts = [
        {"id": "a", "content": "Lives in Rome", "valid_from": "2020-01-01", "valid_to": "2024-05-01", "key": "home"},
        {"id": "b", "content": "Lives in Paris", "valid_from": "2024-05-01", "key": "home"},
        {"id": "c", "content": "Has a bicycle", "valid_from": "2021-01-01", "valid_to": "2022-01-01"},
    ]
    lines = [json.dumps({"type": "fact", "created_at": "2020-01-01", **fact}) for fact in facts]
    assert cli("memory", "import", "-", stdin="\n".join(lines)).code == 0

    def held(date: str) -> list[str]:
        return [record["id"] for record in cli("memory", "asof", date, "--json").json]

    assert held("2019-01-01") == []
    assert held("2021-06-01") == ["a", "c"]
    assert held("2024-04-30T23:59:59Z") == ["a"]
    assert held("2024-05-01") == held("now") == ["b"]
    changes = cli("memory", "diff", "2021-06-01", "today", "--json").json
    found = {
        (change["change"], (change["before"] or {}).get("id"), (change["after"] or {}).get("id")) for change in changes
    }
    assert found == {("changed", "a", "b"), ("removed", "c", None)}
    assert cli("memory", "diff", "2025-01-01", "2026-01-01").out == ""
    assert cli("memory", "asof", "some day").code == 2


def test_writing_with_a_time_a_secret_and_a_contradiction(cli: Cli) -> None:
    wrong = cli("memory", "add", "x y", "--from", "2026-05-01", "--to", "2026-04-01")
    assert (wrong.code, wrong.out) == (2, "")
    assert "ends before it begins" in wrong.err
    secret = "My password is hunter2!"
    refused = cli("memory", "add", secret)
    assert (refused.code, refused.out) == (4, "")
    assert "hunter2" not in refused.err
    assert cli("memory", "add", secret, "--allow-secret").code == 0
    first = cli("memory", "add", "My dog is called Rex", "--json").json
    second = cli("memory", "add", "My dog's name is Max", "--json").json
    assert [old["id"] for old in second["contradicts"]] == [first["id"]]
    third = cli("memory", "add", "My dog is called Tim")
    assert "contradicts “My dog is called Rex”" in third.err


def test_forgetting_by_words(full: Cli) -> None:
    refused = full("memory", "forget", "--query", "dog rex")
    assert refused.code == 4
    assert "mem000000001: The dog is called Rex" in refused.err
    done = full("memory", "forget", "--query", "dog rex", "-y", "--json").json
    # The answer that named it goes as well.
    assert (done["forgotten"][0], len(done["forgotten"])) == ("mem000000001", 2)
    assert done["receipt"]["complete"]
    assert set(done["receipt"]["left"]) >= {"memories", "search index", "conversations", "backups", "Chroma"}
    assert b"called Rex" not in full.database.read_bytes()
    nothing = full("memory", "forget", "--query", "xylophone", "-y")
    assert (nothing.code, nothing.out) == (1, "")
    assert full("memory", "forget").code == 2


def test_forgetting_a_message(full: Cli) -> None:
    found = full("memory", "search", "what is my dog called", "--scope", "turns", "--json").json
    (turn,) = [hit for hit in found if hit["content"] == "What is my dog called?"]
    assert full("memory", "forget", turn["id"], "-y").code == 0
    assert full("memory", "show", turn["id"], "--json").json["content"] == "[forgotten]"
    assert b"What is my dog called" not in full.database.read_bytes()
    shown = full("sessions", "show", SESSION, "--json").json
    assert shown["messages"][0]["content"] == "[forgotten]"


def test_forgetting_a_conversation(full: Cli) -> None:
    async def fork(store: StructuredMemoryStore) -> None:
        await store.sessions.create(id="fork00000001", parent_id=SESSION)
        await store.journal.copy(SESSION, "fork00000001")
        await store.memories.add(NewMemory(id="mem000000009", content="They like dogs", session_id=SESSION))

    full.store(fork)
    done = full("memory", "forget", "--session", SESSION, "-y")
    assert done.code == 0
    assert f"The whole conversation {SESSION}: 4 messages" in done.err
    assert full("sessions", "show", SESSION).code == 1
    assert full("memory", "show", "mem000000009").code == 1
    assert full("sessions", "show", "fork00000001", "--json").json["messages"] == []
    assert b"What is my dog called" not in full.database.read_bytes()
    # What was remembered elsewhere stays.
    assert len(full("memory", "list", "--json").json) == 2


def test_forgetting_what_is_old(cli: Cli) -> None:
    lines = [
        {"type": "fact", "id": "old", "content": "Zanzibar is old", "created_at": "2020-01-01"},
        {"type": "fact", "id": "new", "content": "Quartz is new", "created_at": "2026-01-01"},
        {
            "type": "turn",
            "id": "t1",
            "session": "s",
            "speaker": "A",
            "content": "Zeppelins fly",
            "created_at": "2020-01-01",
        },
        {
            "type": "turn",
            "id": "t2",
            "session": "s",
            "speaker": "A",
            "content": "Gliders fly",
            "created_at": "2026-01-01",
        },
    ]
    assert cli("memory", "import", "-", stdin="\n".join(map(json.dumps, lines))).code == 0
    done = cli("memory", "forget", "--before", "2025-01-01", "-y", "--json").json
    assert (done["forgotten"], done["receipt"]["complete"]) == (["old"], True)
    assert [hit["id"] for hit in cli("memory", "search", "fly", "--json").json] == ["t2"]
    assert [record["id"] for record in cli("memory", "list", "--json").json] == ["new"]
    assert b"Zeppelin" not in cli.database.read_bytes()


def test_forgetting_takes_what_was_derived_and_earlier_values(cli: Cli) -> None:
    first = cli("memory", "add", "The code is zanzibar42 quartz", "--key", "door").out.strip()
    second = cli("memory", "add", "The code is zeppelin17 onyx", "--key", "door").out.strip()

    async def derive(store: StructuredMemoryStore) -> None:
        new = NewMemory(id="derived00001", content="A code starts with z", metadata={"derived_from": [first]})
        await store.memories.put(new)
        await store.database.backup(cli.home / "agent_memory.db.backup-0003-1")

    cli.store(derive)
    done = cli("memory", "forget", second, "-y", "--json").json
    assert sorted(done["forgotten"]) == sorted([first, second, "derived00001"])
    for path in cli.home.iterdir():
        if path.is_file():
            content = path.read_bytes()
            assert b"zanzibar42" not in content, path
            assert b"zeppelin17" not in content, path
            assert b"starts with z" not in content, path


def test_a_chat_without_memory_leaves_none(cli: Cli) -> None:
    told = "remember that my boat is called Zeppelin"
    assert cli("chat", "-p", told, "--no-memory").code == 0
    assert cli("chat", "-p", "and the weather is fine today, really", "--no-memory", "-c").code == 0
    assert cli("memory", "list", "--json").json == []
    assert cli("memory", "search", "Zeppelin", "boat", "--json").json == []
    assert cli("chat", "-p", "what is my boat called?", "--output-format", "json").json["recalled"] == []
