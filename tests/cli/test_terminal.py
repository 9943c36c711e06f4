"""What a person sees: tables, questions, colours."""

from __future__ import annotations

import sys

import pexpect

from lra.store import StructuredMemoryStore

from .conftest import SESSION, Cli


def _spawn(cli: Cli, *args: str, **env: str) -> pexpect.spawn:
    environment = cli.environment() | {"TERM": "xterm-256color", "COLUMNS": "60"} | env
    command = ["-m", "lra", *args]
    return pexpect.spawn(
        sys.executable, command, env=environment, cwd=str(cli.folder), timeout=30, encoding="utf-8", dimensions=(24, 60)
    )


def test_a_table_fits_the_terminal_and_keeps_its_ids(full: Cli) -> None:
    full("tasks", "add", "犬" * 60)
    child = _spawn(full, "tasks", "list", NO_COLOR="1")
    child.expect(pexpect.EOF)
    lines = child.before.splitlines()
    assert lines[0].split() == ["ID", "STATUS", "TITLE", "CREATED"] or "\x1b[1m" in lines[0]
    assert any(line.startswith("task0001  pending  Buy dog food") for line in lines)
    assert "…" in lines[2]
    assert len(lines[2]) < 60
    assert "\x1b[3" not in child.before


def test_a_question_is_asked_before_something_is_deleted(full: Cli) -> None:
    child = _spawn(full, "sessions", "delete", SESSION)
    child.expect(r"for good\? \[y/N\] ")
    child.sendline("")
    child.expect("Nothing was changed")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 4
    child = _spawn(full, "sessions", "delete", SESSION)
    child.expect(r"\[y/N\] ")
    child.sendline("y")
    child.expect(f"{SESSION} deleted")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_an_interrupted_question_ends_with_130(full: Cli) -> None:
    child = _spawn(full, "tasks", "delete", "task0001")
    child.expect(r"\[y/N\] ")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert "Traceback" not in child.before
    assert len(full("tasks", "list", "--json").json) == 1


def test_a_file_is_replaced_at_a_terminal_after_a_yes_alone(full: Cli) -> None:
    path = full.folder / "talk.md"
    path.write_text("mine")
    for command in (["sessions", "export", SESSION, "-o", "talk.md"], ["memory", "export", "-o", "talk.md"]):
        child = _spawn(full, *command)
        child.expect_exact("talk.md is there already. Replace it? [y/N] ")
        child.sendline("n")
        child.expect("Nothing was changed")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 4
        assert path.read_text() == "mine"
    child = _spawn(full, "sessions", "export", SESSION, "-o", "talk.md")
    child.expect(r"\[y/N\] ")
    child.sendline("y")
    child.expect("Wrote talk.md, in place of")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert path.read_text().startswith("# The dog")


def test_the_list_of_conversations_fits_a_terminal(full: Cli) -> None:
    async def work(store: StructuredMemoryStore) -> None:
        await store.sessions.create(
            id="long00000001", model="openai-chat:gpt-4o-mini", folder="/", title="A very long title " * 3
        )

    full.store(work)
    for columns, shows_model in ((80, True), (66, False), (120, True)):
        environment = full.environment() | {"TERM": "xterm-256color", "COLUMNS": str(columns), "NO_COLOR": "1"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "lra", "sessions", "list"],
            env=environment,
            cwd=str(full.folder),
            timeout=30,
            encoding="utf-8",
            dimensions=(24, columns),
        )
        child.expect(pexpect.EOF)
        head, *rows = child.before.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
        assert len(rows) == 2
        assert all(len(row) <= columns for row in rows), rows
        assert ("MODEL" in head) == shows_model
        assert any(row.startswith("long00000001  A very long title") for row in rows)
        assert ("gpt-4o-mini" in child.before) == (columns == 120)


def test_tables_and_lists_fit_the_usual_terminal(full: Cli) -> None:
    full(
        "memory", "add", "A fence that is long and red and goes round the whole garden, twice, and then round the house"
    )
    full("sessions", "rename", SESSION, "The dog and everything else that was said on that long day in the garden")
    for command in ("sessions search dog", "list-tools", "list-agents", "list-memory", "memory search fence"):
        environment = full.environment() | {"TERM": "xterm-256color", "COLUMNS": "80", "NO_COLOR": "1"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "lra", *command.split()],
            env=environment,
            cwd=str(full.folder),
            timeout=30,
            encoding="utf-8",
            dimensions=(24, 80),
        )
        child.expect(pexpect.EOF)
        lines = child.before.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
        assert len(lines) > 1, command
        assert all(len(line) <= 80 for line in lines), (command, lines)
    assert SESSION in full("sessions", "search", "dog").out
