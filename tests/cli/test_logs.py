"""The log: there when something went wrong, private, and without anything that was said."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from lra.cli import logfile
from tests.support.fixtures import env_for
from tests.support.model_server import ModelServer, fail, say

from .conftest import Cli

SECRET = "sk-test-4711-do-not-tell-anybody"


@pytest.fixture
def model(cli: Cli, model_server: ModelServer) -> ModelServer:
    cli.env |= env_for(model_server, "openai-chat") | {"LRA_MODEL": "openai-chat:gpt-4o-mini"}
    return model_server


def log(cli: Cli) -> str:
    return (cli.home / "logs" / "lra.log").read_text()


def record(message: str, level: int = logging.WARNING, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("some.library", level, __file__, 1, message, (), info)


def written(handler: logfile.LogFile, home: Path) -> str:
    handler.finish()
    path = home / "logs" / "lra.log"
    return path.read_text() if path.exists() else ""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LRA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_failed_turn_is_in_the_log_without_what_was_said(cli: Cli, model: ModelServer) -> None:
    model.script(fail("bad_request", message="your prompt was: the tangerine plan"))
    assert cli("-p", "the tangerine plan").code == 1
    text = log(cli)
    for words in (
        "started",
        "asking openai-chat:gpt-4o-mini failed",
        "ModelRequestRejectedError: status_code: 400",
        "BadRequestError\n",
    ):
        assert words in text, text
    assert "ended with exit code 1" in text
    assert "tangerine" not in text
    assert cli.env["OPENAI_API_KEY"] not in text
    assert stat.S_IMODE((cli.home / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((cli.home / "logs" / "lra.log").stat().st_mode) == 0o600


def test_the_command_shows_it(cli: Cli, model: ModelServer) -> None:
    empty = cli("logs")
    assert (empty.code, empty.out, empty.err) == (0, "", "The log is empty.\n")
    assert not cli.home.exists()
    model.script(fail("bad_request"), say("Fine."))
    cli("-p", "hello")
    cli("-p", "hello")
    entries = cli("logs", "--json").json
    assert [entry["level"] for entry in entries if entry["logger"] == "lra.chat"] == ["INFO"] * 4
    (failed,) = [entry for entry in entries if entry["logger"] == "lra.agent"]
    assert any(line.startswith("ModelRequestRejectedError") for line in failed["trace"])
    last = cli("logs", "-n", "1").out
    assert "ended with exit code 0" in last
    assert last.count("\n") == 1
    assert cli("logs", "--path").out == f"{cli.home / 'logs' / 'lra.log'}\n"
    assert cli("logs", "--follow", "--json").code == 2


def test_other_commands_write_no_log_when_nothing_is_wrong(full: Cli) -> None:
    assert full("tasks", "list").code == 0
    assert not (full.home / "logs").exists()


def test_following_shows_what_is_added_also_to_a_new_file(cli: Cli) -> None:
    logs = cli.home / "logs"
    logfile.append(logs, "2026-01-01T00:00:00.000Z WARNING first [1] one\n")
    child = pexpect.spawn(
        sys.executable, ["-m", "lra", "logs", "-f"], env=cli.environment(), cwd=str(cli.folder), encoding="utf-8"
    )
    child.expect("first .1. one")
    logfile.append(logs, "2026-01-01T00:00:00.000Z WARNING second [1] two \x1b[31m\n")
    child.expect("two \ufffd")
    os.replace(logs / "lra.log", logs / "lra.log.1")
    logfile.append(logs, "2026-01-01T00:00:00.000Z WARNING third [1] three\n")
    child.expect("third .1. three")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_secrets_and_quoted_contents_are_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "plain words as a secret")
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    handler = logfile.LogFile()
    try:
        try:
            raise ValueError("[SQL] failed\n[parameters: ('the tangerine plan',)]")
        except ValueError as error:
            raise RuntimeError(f"could not use {SECRET}") from error
    except RuntimeError as error:
        handler.emit(record("Bearer abcdef0123 and postgres://me:hush@host and plain words as a secret", error=error))
    text = written(handler, home)
    for hidden in (SECRET, "abcdef0123", "hush", "plain words as a secret", "tangerine"):
        assert hidden not in text
    assert "ValueError: [SQL] failed" in text
    assert "RuntimeError: could not use [secret]" in text
    assert "in test_secrets_and_quoted_contents_are_left_out" in text


def test_lines_cannot_be_forged_or_drive_a_terminal(home: Path) -> None:
    handler = logfile.LogFile()
    handler.emit(record("one\n2026-01-01T00:00:00.000Z ERROR forged [1] \x1b[31mtwo"))
    text = written(handler, home)
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    for number in range(logfile.KEPT + 3):
        logfile.append(tmp_path, f"{number} " + "x" * logfile.MAX_BYTES + "\n")
    logfile.append(tmp_path, "last\n")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["lra.log", "lra.log.1", "lra.log.2", "lra.log.3"]
    assert (tmp_path / "lra.log").read_text() == "last\n"
    assert [(tmp_path / name).read_text()[0] for name in names[1:]] == ["5", "4", "3"]


def test_many_processes_lose_no_line(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from lra.cli import logfile
logfile.MAX_BYTES = 20_000
logfile.KEPT = 1000
for number in range(200):
    logfile.append(Path(sys.argv[1]), f"{sys.argv[2]}-{number} {'x' * 100}\\n")
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], cwd=Path(__file__).parents[2])
        for number in range(3)
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    lines = [line.split()[0] for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{process}-{number}" for process in range(3) for number in range(200))


def test_logging_never_waits_for_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []

    def slow(folder: Path, text: str) -> None:
        reached.append(text)
        time.sleep(5)

    monkeypatch.setattr(logfile, "append", slow)
    handler = logfile.LogFile()
    for number in range(100):
        handler.emit(record(f"number {number}", logging.ERROR))
    handler.finish(0.2)
    assert reached
    assert not home.exists()


def test_a_log_that_cannot_be_written_stops_nothing(cli: Cli, model: ModelServer) -> None:
    cli.home.mkdir(parents=True)
    (cli.home / "logs").write_text("in the way")
    model.script(say("Fine."))
    result = cli("-p", "hello")
    assert (result.code, result.out) == (0, "Fine.\n")
    broken = cli("logs")
    assert broken.code == 1
    assert broken.err.startswith("lra: ")


def test_the_library_writes_no_log_and_prints_nothing(cli: Cli, model: ModelServer) -> None:
    model.script(fail("bad_request"))
    code = """
import asyncio, lra
async def main():
    async with await lra.Session.open() as session:
        print([event.type async for event in session.send("hello")][-1])
asyncio.run(main())
"""
    done = cli.python("-c", code)
    assert json.dumps(done.stdout.strip()) == '"turn_finished"'
    assert done.stderr == ""
    assert not (cli.home / "logs").exists()


def test_what_comes_later_does_not_wait_for_an_error_or_for_the_end(home: Path) -> None:
    handler = logfile.LogFile()
    file = logfile.folder() / logfile.NAME
    for number in range(3):
        handler.emit(record(f"warning {number}", logging.WARNING))
        until = time.monotonic() + 20
        while not (file.exists() and f"warning {number}" in file.read_text()) and time.monotonic() < until:
            time.sleep(0.02)
        assert f"warning {number}" in file.read_text()
    handler.finish()
