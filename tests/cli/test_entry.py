"""How the process ends when things go wrong."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys

from .conftest import Cli

DEFECT = """
import sys
import lra.cli.tasks as tasks
def broken(work):
    raise RuntimeError("secret \\x1b[31m detail")
tasks.with_store = broken
sys.argv = ["lra", "tasks", "list"]
from lra.cli import main
main()
"""
INTERRUPT = DEFECT.replace('RuntimeError("secret \\x1b[31m detail")', "KeyboardInterrupt")


def test_a_defect_is_one_sentence_and_a_private_file(cli: Cli) -> None:
    done = cli.python("-c", DEFECT)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("This is a defect in lra: RuntimeError")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    (report,) = (cli.home / "crash").iterdir()
    assert str(report) in done.stderr
    assert "Traceback" in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert stat.S_IMODE(report.parent.stat().st_mode) == 0o700


def test_an_interrupt_ends_with_130(cli: Cli) -> None:
    done = cli.python("-c", INTERRUPT)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error_message(full: Cli) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        command = [sys.executable, "-m", "lra", "tasks", "list", "--json"]
        done = subprocess.run(
            command, stdout=pipe, stderr=subprocess.PIPE, env=full.environment(), cwd=full.folder, check=False
        )
    assert done.returncode == 1
    assert done.stderr == b""


def test_data_is_utf_8_whatever_the_locale_says(full: Cli) -> None:
    result = full("sessions", "show", "abc", env={"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"})
    assert result.code == 0
    assert "🐕" in result.out


def test_everything_written_is_private(cli: Cli) -> None:
    assert cli("tasks", "add", "x").code == 0
    assert stat.S_IMODE(cli.home.stat().st_mode) == 0o700
    for path in cli.home.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_corrupt_database_is_a_sentence(cli: Cli) -> None:
    cli.home.mkdir(parents=True)
    cli.database.write_bytes(b"this is no database, whatever its name says" * 100)
    result = cli("sessions", "list")
    assert result.code == 1
    assert result.err.startswith("lra: The database")
    assert "corrupt" in result.err
    assert "no backup of it" in result.err


def test_a_corrupt_database_names_the_command_that_brings_it_back(cli: Cli) -> None:
    assert cli("memory", "add", "The kiln is in the shed").code == 0
    assert cli("memory", "backup").code == 0
    cli.database.write_bytes(b"this is no database, whatever its name says" * 100)
    result = cli("memory", "list")
    assert result.code == 1
    command = result.err.partition("`lra ")[2].partition("`")[0]
    assert cli(*shlex.split(command), "--yes").code == 0
    assert "The kiln is in the shed" in cli("memory", "list").out
    # What was found damaged and moved away is nothing to go back to.
    cli.database.write_bytes(b"this is no database, whatever its name says" * 100)
    assert "of 1 backup," in cli("memory", "list").err


def test_a_full_disk_or_a_closed_output_is_no_defect(full: Cli) -> None:
    for redirection in (">/dev/full", ">&-", "<&- 2>&-"):
        command = ["sh", "-c", f"exec {sys.executable} -m lra tasks list --json {redirection}"]
        done = subprocess.run(
            command, env=full.environment(), cwd=full.folder, capture_output=True, check=False, text=True
        )
        assert done.returncode == (1 if "full" in redirection else 0), redirection
        assert "defect" not in done.stderr
        assert "Traceback" not in done.stderr
        assert ("cannot be written: No space left on device." in done.stderr) == ("full" in redirection)
        assert not (full.home / "crash").exists()


def test_shells_can_complete(full: Cli) -> None:
    full.env = {"_LRA_COMPLETE": "complete_bash", "COMP_WORDS": "lra se", "COMP_CWORD": "1"}
    assert full().out.split() == ["sessions"]


def test_what_is_agreed_to_reads_as_what_is_done(cli: Cli) -> None:
    server = {"command": "sh", "args": ["-c", "run \u202egpj.exe\u202c \u200bx"]}
    (cli.folder / "mcp.json").write_text(json.dumps({"mcpServers": {"tricky": server}}, ensure_ascii=False))
    assert cli("init", "--provider", "offline", "--yes").code == 0
    asked = cli("mcp", "allow", "tricky")
    assert asked.code == 4
    assert "\\u202egpj.exe\\u202c \\u200bx" in asked.err
    assert "\u202e" not in asked.err
