"""`lra init`, `lra config` and the import of the original program's record."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from .conftest import Cli

DATABASE = "DATABASE_URL=sqlite+aiosqlite:///./data/agent_memory.db"
KEY = "sk-proj-0123456789abcdefghijWXYZ"
SCHEMA = """
CREATE TABLE conversations (id INTEGER PRIMARY KEY, session_id VARCHAR(64), role VARCHAR(32), content TEXT,
    timestamp DATETIME DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE tasks (id VARCHAR(64) PRIMARY KEY, session_id VARCHAR(64), title VARCHAR(256), status VARCHAR(32),
    metadata_json TEXT, created_at DATETIME, updated_at DATETIME);
CREATE TABLE summaries (id INTEGER PRIMARY KEY, session_id VARCHAR(64), content TEXT, created_at DATETIME);
CREATE TABLE audit_logs (id INTEGER PRIMARY KEY, run_id VARCHAR(64), session_id VARCHAR(64), event_type VARCHAR(64),
    payload JSON, timestamp DATETIME);
INSERT INTO conversations(session_id, role, content, timestamp) VALUES
    ('default', 'user', 'My dog is called Rex', '2025-03-01 10:00:00.000000'),
    ('default', 'assistant', 'Good to know', '2025-03-01 10:00:05'),
    ('default', 'user', 'My dog is called Rex', '2025-03-02 10:00:00'),
    ('other', 'narrator', CAST(x'ff00fe' AS TEXT), 'not a time');
INSERT INTO tasks VALUES ('t1', 'default', 'Buy food', 'completed', '{"a": 1}', '2025-03-01 10:00:00', NULL);
INSERT INTO tasks VALUES ('t2', 'lonely', NULL, 'strange', 'no json', NULL, NULL);
INSERT INTO summaries(session_id, content, created_at) VALUES
    ('default', 'The person has a dog', '2025-03-01 11:00:00');
"""


@pytest.fixture
def old(cli: Cli) -> Path:
    """A database of the original program in the working folder."""
    path = cli.folder / "data" / "agent_memory.db"
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA)
    connection.close()
    return path


def test_a_bare_init_writes_a_private_template_and_trusts(cli: Cli) -> None:
    result = cli("init")
    assert (result.code, result.out) == (0, "")
    path = cli.folder / ".env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"\n# {DATABASE}\n# VECTOR_STORE_PATH=./data/chroma_db\n" in path.read_text()
    assert "(trusted)" in cli("config").err
    assert not cli.home.exists()


def test_an_existing_file_is_never_replaced_by_accident(cli: Cli) -> None:
    path = cli.folder / ".env"
    path.write_text("MINE=1\n")
    for args in ([], ["-y"], ["--model", "offline"]):
        result = cli("init", *args)
        assert result.code == 2
        assert "exists already" in result.err
    assert path.read_text() == "MINE=1\n"
    assert cli("init", "--force", "--model", "offline").code == 0
    assert "\nLRA_MODEL=offline\n" in path.read_text()
    (backup,) = cli.folder.glob(".env.backup-*")
    assert backup.read_text() == "MINE=1\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_trust_keeps_the_file(cli: Cli) -> None:
    (cli.folder / ".env").write_text("SANDBOX_URL=http://example.org\n")
    cli.env = {"SANDBOX_URL": ""}
    assert "ignored until you trust" in cli("config").err
    result = cli("init", "--trust")
    assert result.code == 0
    assert "sets SANDBOX_URL" in result.err
    values = {setting["name"]: setting for setting in cli("config", "--json").json}
    assert values["SANDBOX_URL"]["value"] == "http://example.org"
    assert values["SANDBOX_URL"]["source"].endswith(".env:1")


def test_options_end_up_in_the_file(cli: Cli) -> None:
    result = cli("init", "--provider", "openai", "--model", "gpt-x", "--key-stdin", "--project-data", stdin=f"{KEY}\n")
    assert result.code == 0
    assert KEY not in result.err
    text = (cli.folder / ".env").read_text()
    assert f"\nLRA_MODEL=openai:gpt-x\n\n# The provider's key.\nOPENAI_API_KEY={KEY}\n" in text
    assert f"\n{DATABASE}\n" in text
    values = {setting["name"]: setting["value"] for setting in cli("config", "--json").json}
    assert values["DATABASE_URL"] == f"sqlite+aiosqlite:///{cli.folder}/data/agent_memory.db"
    assert values["OPENAI_API_KEY"] == "set (…WXYZ)"
    assert KEY not in cli("config", "--all").out
    assert cli("tasks", "add", "x").code == 0
    assert stat.S_IMODE((cli.folder / "data" / "agent_memory.db").stat().st_mode) == 0o600


def test_the_key_may_come_from_the_environment(cli: Cli) -> None:
    cli.env = {"GROQ_API_KEY": KEY}
    assert cli("init", "--key-env", "GROQ_API_KEY").code == 0
    assert f"\nGROQ_API_KEY={KEY}\n" in (cli.folder / ".env").read_text()


@pytest.mark.parametrize(
    "args",
    [
        ["--provider", "nobody"],
        ["--provider", "ollama"],
        ["--provider", "offline", "--model", "x"],
        ["--key-env", "NOT_SET", "--provider", "openai"],
        ["--key-stdin"],
        ["--key-stdin", "--provider", "openai"],
        ["--model", "two words"],
        ["--model", "x\nDATABASE_URL=y"],
        ["--base-url", "file:///etc/passwd"],
        ["--import"],
        ["--trust", "--project-data"],
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Cli, args: list[str]) -> None:
    result = cli("init", *args)
    assert result.code == 2
    assert result.err.startswith("lra: ")
    assert list(cli.folder.iterdir()) == []


def test_a_key_in_a_repository_is_pointed_out(cli: Cli) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=cli.folder, check=True)
    assert "git does not ignore .env" in cli("init").err
    (cli.folder / ".gitignore").write_text(".env*\n")
    assert "git does not" not in cli("init", "--force").err


def test_the_old_record_is_imported_once(cli: Cli, old: Path) -> None:
    before = old.read_bytes()
    assert "original program" in cli("init").err
    result = cli("init", "--import")
    assert result.code == 0
    assert "Imported 3 sessions with 4 messages, 2 tasks and 1 memories; 0 rows" in result.err
    assert "Imported 0 sessions with 0 messages, 0 tasks and 0 memories; 7 rows" in cli("init", "--import").err
    assert old.read_bytes() == before
    sessions = {session["title"]: session for session in cli("sessions", "list", "--json").json}
    dog = sessions["My dog is called Rex"]
    assert (dog["turns"], dog["created_at"]) == (2, "2025-03-01T10:00:00.000000Z")
    messages = cli("sessions", "show", dog["id"], "--json").json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["created_at"] == "2025-03-01T10:00:05.000000Z"
    tasks = cli("tasks", "list", "--json").json
    assert [(task["title"], task["status"], task["metadata"]) for task in tasks] == [
        ("Buy food", "done", {"a": 1}),
        ("Untitled", "pending", {"text": "no json"}),
    ]
    (hit,) = cli("memory", "search", "has a dog", "--scope", "memories", "--json").json
    assert hit["content"] == "The person has a dog"


def test_what_was_forgotten_stays_forgotten_and_new_rows_come_in(cli: Cli, old: Path) -> None:
    assert cli("init", "-y").code == 0
    (memory,) = cli("memory", "list", "--json").json
    assert cli("memory", "forget", memory["id"], "-y").code == 0
    connection = sqlite3.connect(old)
    connection.execute("INSERT INTO conversations(session_id, role, content) VALUES ('default', 'assistant', 'Indeed')")
    connection.commit()
    connection.close()
    assert "Imported 0 sessions with 1 messages, 0 tasks and 0 memories" in cli("init", "--import").err
    assert cli("memory", "list", "--json").json == []


def test_project_data_beside_the_old_record(cli: Cli, old: Path) -> None:
    refused = cli("init", "--project-data")
    assert refused.code == 2
    assert not (cli.folder / ".env").exists()
    assert cli("init", "--project-data", "--import").code == 0
    assert (old.parent / "agent_memory.original.db").is_file()
    assert len(cli("sessions", "list", "--json").json) == 3
    assert not cli.home.exists()


def test_a_foreign_database_is_not_offered(cli: Cli) -> None:
    (cli.folder / "data").mkdir()
    (cli.folder / "data" / "agent_memory.db").write_bytes(b"nonsense")
    result = cli("init")
    assert result.code == 0
    assert "original program" not in result.err


def test_on_a_terminal_it_asks(cli: Cli) -> None:
    child = pexpect.spawn(
        sys.executable, ["-m", "lra", "init"], env=cli.environment(), cwd=str(cli.folder), timeout=30, encoding="utf-8"
    )
    child.expect("Which model should answer")
    child.expect(r"\[7\]: ")
    child.sendline("nine")
    child.expect("number from 1 to 7")
    child.sendline("2")
    child.expect("ANTHROPIC_API_KEY: ")
    child.sendline(KEY)
    child.expect("Where should memory live")
    child.sendline("2")
    child.expect("Next: ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    text = (cli.folder / ".env").read_text()
    assert f"\nANTHROPIC_API_KEY={KEY}\n" in text
    assert f"\n{DATABASE}\n" in text
    again = pexpect.spawn(
        sys.executable, ["-m", "lra", "init"], env=cli.environment(), cwd=str(cli.folder), timeout=30, encoding="utf-8"
    )
    again.expect(r"let everything it sets count in this folder\? \[y/N\] ")
    again.sendline("n")
    again.expect("Nothing was changed")
    again.expect(pexpect.EOF)
    again.close()
    assert again.exitstatus == 4


def test_config_shows_every_known_value(cli: Cli) -> None:
    from lra.config import KNOWN_NAMES

    shown = cli(
        "config", "--json", env={"OPENAI_BASE_URL": "https://me:secret@example.org/v1", "GROQ_API_KEY": "short"}
    )
    values = {setting["name"]: setting["value"] for setting in shown.json}
    assert set(values) == KNOWN_NAMES
    assert values["OPENAI_BASE_URL"] == "https://…@example.org/v1"
    assert values["GROQ_API_KEY"] == "set"
    assert values["LRA_APPROVAL"] == "ask"
    assert values["ANTHROPIC_API_KEY"] is None
