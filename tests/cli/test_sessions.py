"""`lra sessions`, `lra list-memory` and the messages of a conversation."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

from lra.store import Entry, StructuredMemoryStore

from .conftest import SESSION, Cli


def test_an_empty_record_lists_nothing(cli: Cli) -> None:
    assert cli("sessions", "list", "--json").json == []
    result = cli("list-memory", "--json")
    assert result.json == {"session": None, "turns": [], "tasks": [], "summaries": [], "memories": []}


def test_list_has_the_contract_s_shape(full: Cli) -> None:
    (session,) = full("sessions", "list", "--json").json
    assert session["id"] == SESSION
    assert session["title"] == "The dog"
    assert session["turns"] == 1
    assert {"created_at", "updated_at", "model"} <= set(session)
    assert full("sessions", "list", "--here", "--json").json == []
    line = full("sessions", "list").out
    assert line.startswith(f"{SESSION}\tThe dog\t1\t")


def test_show_gives_messages_in_order_with_tool_calls(full: Cli) -> None:
    shown = full("sessions", "show", "abc", "--json").json
    assert shown["id"] == SESSION
    assert shown["title"] == "The dog"
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant", "tool", "assistant"]
    tool = shown["messages"][2]
    assert tool["name"] == "search_memory"
    assert tool["args"] == {"query": "dog"}
    assert tool["content"] == "Rex"
    assert tool["outcome"] == "completed"
    assert shown["messages"][-1]["outcome"] == "completed"
    assert all("created_at" in message for message in shown["messages"])


def test_stored_text_cannot_drive_the_terminal(full: Cli) -> None:
    for args in (["show", SESSION], ["export", SESSION], ["show", SESSION, "--json"]):
        result = full("sessions", *args)
        assert result.code == 0
        assert "\x1b" not in result.out
        assert "[bold]Good[/bold]" in result.out


def test_an_unfinished_turn_shows_what_had_arrived_and_what_was_called(full: Cli) -> None:
    async def work(store: StructuredMemoryStore) -> None:
        turn = await store.journal.begin_turn(SESSION, Entry(role="user", content="And the cat?"), model="m")
        call = {"part_kind": "tool-call", "tool_name": "run", "args": "no json", "tool_call_id": "c9"}
        entry = Entry(role="assistant", content="", payload=json.dumps({"parts": [call]}))
        await store.journal.append(SESSION, turn.id, [entry])
        pieces = [(turn.id, "thinking", "hm"), (turn.id, "text", "The cat "), (turn.id, "text", "is")]
        await store.database.write_stream(
            lambda connection: connection.exec_driver_sql(
                "INSERT INTO stream_chunks(turn_id, kind, content) VALUES (?, ?, ?)", pieces
            )
        )

    full.store(work)
    *_, user, tool, partial = full("sessions", "show", SESSION, "--json").json["messages"]
    assert user["content"] == "And the cat?"
    assert (tool["role"], tool["name"], tool["args"], tool["content"]) == ("tool", "run", "no json", "")
    assert (partial["role"], partial["content"]) == ("assistant", "The cat is")
    # Its process is gone, though nobody has continued the session yet.
    assert (tool["outcome"], partial["outcome"]) == ("interrupted", "interrupted")

    async def hold(store: StructuredMemoryStore) -> None:
        assert await store.sessions.acquire(SESSION, "a living process") is None

    full.store(hold)
    *_, tool, partial = full("sessions", "show", SESSION, "--json").json["messages"]
    assert "outcome" not in tool
    assert "outcome" not in partial


def test_unknown_and_odd_ids_are_a_sentence(full: Cli) -> None:
    for args in (["zzz"], ["--", "-rf"], ["../../etc"], ["%"], [""]):
        result = full("sessions", "show", *args)
        assert result.code == 1
        assert result.err.startswith("lra: There is no session")


def test_rename_and_search(full: Cli) -> None:
    assert full("sessions", "rename", SESSION, "A \x1b[31mnew\n name").code == 0
    assert full("sessions", "list", "--json").json[0]["title"] == "A \ufffd[31mnew name"
    (hit,) = full("sessions", "search", "dog", "called", "--json").json
    assert hit["id"] == SESSION
    assert full("sessions", "rename", SESSION, "  ").code == 2


def test_delete_asks_and_memories_stay(full: Cli) -> None:
    refused = full("sessions", "delete", SESSION)
    assert refused.code == 4
    assert "--yes" in refused.err
    assert full("sessions", "delete", SESSION, "--yes").code == 0
    assert full("sessions", "list", "--json").json == []
    left = full("list-memory", "--json").json
    assert len(left["memories"]) == 2
    assert len(left["tasks"]) == 1


def test_an_open_session_is_not_deleted(full: Cli) -> None:
    async def work(store: StructuredMemoryStore) -> None:
        assert await store.sessions.acquire(SESSION, "somebody") is None

    full.store(work)
    result = full("sessions", "delete", SESSION, "-y")
    assert result.code == 75
    assert len(full("sessions", "list", "--json").json) == 1


def test_export_to_a_private_file(full: Cli) -> None:
    assert full("sessions", "export", SESSION, "-o", "talk.md").code == 0
    path = full.folder / "talk.md"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("# The dog\n")
    assert full("sessions", "export", SESSION, "--format", "json").json["id"] == SESSION
    page = full("sessions", "export", SESSION, "--format", "html").out
    assert page.startswith("<!DOCTYPE html>")
    assert "[bold]Good[/bold] dog 🐕" in page
    failed = full("sessions", "export", SESSION, "-o", "missing/talk.md")
    assert failed.code == 1
    assert "cannot be written" in failed.err


def test_list_memory_of_one_session(full: Cli) -> None:
    found = full("list-memory", "-s", SESSION, "-n", "1", "--json").json
    assert found["session"] == SESSION
    assert len(found["turns"]) == 1
    assert found["memories"] == []
    assert [task["title"] for task in found["tasks"]] == ["Buy dog food"]
    assert "Buy dog food" in full("list-memory").out


def test_replay_shows_the_conversation_as_the_chat_did(full: Cli) -> None:
    result = full("sessions", "replay", "abc")
    assert result.code == 0
    assert result.out.splitlines()[:4] == ["The dog (abc123def456)", "", "> What is my dog called?", "Let me look."]
    assert '⚙ search_memory(query="dog")\n  → Rex\n' in result.out
    assert "\x1b" not in result.out
    assert full("sessions", "replay", SESSION, "--until", "0").code == 2
    assert full("sessions", "replay", "zzz").code == 1


def test_replay_of_a_turn_that_is_not_there_says_which_is_the_last(full: Cli) -> None:
    for more in ([], ["--until", "99"]):
        result = full("sessions", "replay", SESSION, "--from-turn", "99", *more)
        assert (result.code, result.out) == (1, "")
        assert result.err == "lra: The session has no turn 99. The last is 1.\n"
    assert full("sessions", "replay", SESSION, "--from-turn", "3", "--until", "2").code == 2

    async def work(store: StructuredMemoryStore) -> None:
        await store.sessions.create(id="empty0000001", model="offline", folder="/", title="Silence")

    full.store(work)
    silent = full("sessions", "replay", "empty0000001")
    assert (silent.code, silent.err) == (0, "Nothing was said in it.\n")


def test_a_file_that_an_export_replaces_is_told(full: Cli) -> None:
    assert full("sessions", "export", SESSION, "-o", "talk.md").err == "Wrote talk.md\n"
    again = full("sessions", "export", SESSION, "-o", "talk.md")
    assert (again.code, again.err) == (0, "Wrote talk.md, in place of the file that was there\n")
    assert full("memory", "export", "-o", "talk.md").err == "Wrote talk.md, in place of the file that was there\n"
    assert '"kind"' in (full.folder / "talk.md").read_text()


def test_an_export_follows_links_and_leaves_them(full: Cli) -> None:
    (full.folder / "kept").mkdir()
    link, real = full.folder / "talk.md", full.folder / "kept" / "real.md"
    real.write_text("old")
    link.symlink_to(real)
    assert full("sessions", "export", SESSION, "-o", "talk.md").code == 0
    assert link.is_symlink()
    assert real.read_text().startswith("# The dog\n")
    # Standard output may lead to a file; its name in /dev stays what it is.
    command = f"echo first; exec {sys.executable} -m lra sessions export {SESSION} -o /proc/self/fd/1"
    with (full.folder / "out").open("w") as out:
        subprocess.run(
            ["sh", "-c", command],
            stdout=out,
            env=full.environment(),
            cwd=full.folder,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    assert (full.folder / "out").read_text().startswith("first\n# The dog\n")
