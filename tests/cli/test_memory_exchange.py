"""`lra memory import`, `export`, `backup`, `backups` and `restore`."""

from __future__ import annotations

import json
import sqlite3
import stat
import sys
from contextlib import closing

import pexpect

from .conftest import SESSION, Cli

MEMORIES = [
    {"id": "m1", "memory": "Likes \x1b[31mred\x1b[0m tea", "created_at": "2024-07-26T08:42:01Z"},
    {"id": "m2"},
    {"id": "m3", "memory": "The password is hunter2-Xy!9"},
]


def mem0(cli: Cli) -> None:
    (cli.folder / "m.json").write_text(json.dumps({"results": MEMORIES}))


def test_a_dry_run_changes_nothing_and_says_what_would_happen(cli: Cli) -> None:
    mem0(cli)
    result = cli("memory", "import", "m.json", "--dry-run")
    assert (result.code, result.out) == (0, "0 turns and 1 fact would be imported, 0 known already\n")
    assert "e.g. Likes" in result.err
    assert "\x1b" not in result.err
    assert 'Not read: $.results[1]: it has no "memory"' in result.err
    assert "stay secret (1)" in result.err
    assert "$.results[2]: pass" in result.err
    assert "hunter2" not in result.err
    assert cli("memory", "list", "--json").json == []
    shape = cli("memory", "import", "m.json", "--dry-run", "--json").json
    assert (shape["format"], shape["facts"], shape["wrong"], shape["dry_run"]) == ("mem0", 1, 1, True)


def test_what_other_programs_hold_of_secrets_waits_for_a_yes(cli: Cli) -> None:
    mem0(cli)
    assert cli("memory", "import", "m.json").out.startswith("0 turns and 1 fact imported")
    assert cli("memory", "import", "m.json", "--allow-secret").out.startswith("0 turns and 1 fact imported, 1 known")
    assert len(cli("memory", "list", "--json").json) == 2


def test_strict_and_unreadable(cli: Cli) -> None:
    mem0(cli)
    strict = cli("memory", "import", "m.json", "--strict")
    assert strict.code == 1
    assert "$.results[1]" in strict.err
    assert "Nothing was imported." in strict.err
    nothing = cli("memory", "import", "-", stdin="nonsense\n")
    assert nothing.code == 2
    assert "standard input" in nothing.err
    forced = cli("memory", "import", "-", "--format", "lra", stdin="nonsense\n")
    assert forced.code == 1
    assert "standard input, line 1: it is not valid JSON" in forced.err
    assert cli("memory", "import", "m.json", "--format", "pdf").code == 2
    assert cli("memory", "list", "--json").json == []


def test_a_folder_and_a_pipe(cli: Cli) -> None:
    folder = cli.folder / "app" / "memory"
    folder.mkdir(parents=True)
    (folder / "MEMORY.md").write_text("- Always use bun\n")
    assert cli("memory", "import", "app/memory", "--namespace", "work").code == 0
    assert cli("memory", "import", "-", stdin="- Likes tea\n").code == 0
    found = {memory["content"]: memory["namespace"] for memory in cli("memory", "list", "--json").json}
    assert found == {"Always use bun": "work", "Likes tea": "default"}


def test_the_original_program_is_imported_like_the_others(cli: Cli) -> None:
    (cli.folder / "data").mkdir()
    with closing(sqlite3.connect(cli.folder / "data" / "agent_memory.db")) as old:
        old.executescript(
            "CREATE TABLE conversations(id TEXT, session_id TEXT, role TEXT, content TEXT, timestamp TEXT);"
            "CREATE TABLE tasks(id TEXT, session_id TEXT, title TEXT, status TEXT, created_at TEXT);"
            "CREATE TABLE summaries(id TEXT, session_id TEXT, content TEXT, created_at TEXT);"
            "CREATE TABLE audit_logs(id TEXT);"
            "INSERT INTO conversations VALUES ('1', 'default', 'user', 'hello there', '2024-05-01T10:00:00');"
            "INSERT INTO tasks VALUES ('1', 'default', 'Buy tea', 'pending', '2024-05-01T10:00:00');"
            "INSERT INTO summaries VALUES ('1', 'default', 'They met', '2024-05-01T11:00:00');"
        )
    expected = "1 turn, 1 fact and 1 task {} imported, 0 known already\n"
    assert cli("memory", "import", "data", "--dry-run").out == expected.format("would be")
    assert cli("sessions", "list", "--json").json == []
    assert cli("memory", "import", "data").out == expected.format("").replace("  ", " ")
    assert cli("memory", "import", "./data/agent_memory.db").out.endswith("3 known already\n")
    assert [task["title"] for task in cli("tasks", "list", "--json").json] == ["Buy tea"]


def test_an_export_is_the_same_in_a_pipe_and_in_a_file(full: Cli) -> None:
    assert full("memory", "export", "-o", "all.jsonl").code == 0
    assert full("memory", "export").out == (full.folder / "all.jsonl").read_text()
    first = full("memory", "export").out
    other = {"LRA_HOME": str(full.root / "other")}
    assert full("memory", "import", "all.jsonl", env=other).code == 0
    assert full("memory", "export", env=other).out == first
    shown = full("sessions", "list", "--json", env=other).json
    assert [(session["id"], session["title"], session["turns"]) for session in shown] == [(SESSION, "The dog", 1)]


def test_a_person_sees_a_bar(cli: Cli) -> None:
    lines = [json.dumps({"type": "turn", "id": f"t{i}", "session": "s", "content": f"line {i}"}) for i in range(20_000)]
    (cli.folder / "a.jsonl").write_text("\n".join(lines))
    child = pexpect.spawn(
        sys.executable,
        ["-m", "lra", "memory", "import", "a.jsonl"],
        env={**cli.environment(), "TERM": "xterm-256color"},
        cwd=str(cli.folder),
        timeout=30,
        encoding="utf-8",
    )
    child.expect("Reading")
    child.expect("Writing")
    child.expect("20000 turns and 0 facts imported")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_backup_and_restore(full: Cli) -> None:
    beside = full("memory", "backup")
    assert beside.code == 0
    assert "holds 1 session, 4 messages, 2 memories and 1 task" in beside.err
    assert full("memory", "backup", "copy.db").code == 0
    copy = full.folder / "copy.db"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert full("memory", "backup", "copy.db").code == 4
    assert full("memory", "backup", "copy.db", "--yes").code == 0
    assert {entry["path"] for entry in full("memory", "backups", "--json").json} == {beside.out.strip(), str(copy)}

    assert full("memory", "add", "Something new").code == 0
    assert full("memory", "restore", "copy.db").code == 4
    assert len(full("memory", "list", "--json").json) == 3
    restored = full("memory", "restore", "copy.db", "--yes")
    assert (restored.code, restored.out) == (0, "Restored 1 session, 4 messages, 2 memories and 1 task\n")
    assert len(full("memory", "list", "--json").json) == 2
    (kept,) = [entry for entry in full("memory", "backups", "--json").json if "restore" in entry["reason"]]
    assert full("memory", "restore", kept["path"], "-y", "--json").json["memories"] == 3
    assert full("doctor").code in {0, 1}


def test_what_cannot_be_restored_or_backed_up(full: Cli, cli: Cli) -> None:
    (full.folder / "text").write_text("{}")
    result = full("memory", "restore", "text", "-y")
    assert result.code == 2
    assert "is no backup of lra" in result.err
    assert full("memory", "restore", "missing", "-y").code == 2
    assert full("memory", "backup", "missing/copy").code == 1
    empty = {"LRA_HOME": str(full.root / "empty")}
    assert "There is no database" in full("memory", "backup", env=empty).err
    assert full("memory", "backups", env=empty).err == "There is no backup yet: `lra memory backup`.\n"


def test_a_database_in_use_is_not_replaced(full: Cli) -> None:
    assert full("memory", "backup", "copy.db").code == 0
    with closing(sqlite3.connect(full.database)) as other:
        other.execute("SELECT count(*) FROM memories").fetchone()
        busy = full("memory", "restore", "copy.db", "--yes")
    assert busy.code == 75
    assert "Another process has the database" in busy.err
    assert full("memory", "restore", "copy.db", "--yes").code == 0


def test_what_a_folder_holds_besides_is_named(cli: Cli) -> None:
    folder = cli.folder / "mixed"
    (folder / "deeper").mkdir(parents=True)
    (folder / "notes.md").write_text("# Notes\n- I like green tea\n")
    (folder / "deeper" / "more.md").write_text("- I like black tea\n")
    (folder / "bad.json").write_text("{bad")
    (folder / ".hidden").write_text("x")
    (folder / "mem0.json").write_text("[]")
    seen = cli("memory", "import", "mixed", "--dry-run")
    assert seen.code == 0
    assert "0 turns and 2 facts would be imported" in seen.out
    told = "Not read, since the folder was taken for Markdown: bad.json, mem0.json. Name a file to import it."
    assert told in seen.err.splitlines()
    assert cli("memory", "import", "mixed", "--json").json["passed_over"] == ["bad.json", "mem0.json"]
    (folder / "conversations.json").write_text("[]")
    for number in range(8):
        (folder / f"picture{number}.png").write_bytes(b"")
    told = cli("memory", "import", "mixed").err
    assert "taken for ChatGPT's export: bad.json, mem0.json, notes.md, picture0.png" in told
    assert "picture4.png and 3 more. Name a file" in told


def test_a_backup_takes_the_place_of_no_device(cli: Cli) -> None:
    assert cli("memory", "add", "The fence is red").code == 0
    for place in ("/proc/self/fd/1", "/dev/null"):
        refused = cli("memory", "backup", place, "--yes")
        assert (refused.code, refused.out) == (2, "")
        assert "cannot be written: it is no file." in refused.err
