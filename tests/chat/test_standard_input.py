"""What comes on standard input beside a message: text that is added to it, answers to questions, or nothing."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lra.chat.standard_input import StandardInput
from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import lra, plain_env

PROGRAM = [sys.executable, "-m", "tests.chat.consenting", "chat"]
LONG = 30.0


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Make a pipe standard input; gives the end to write to."""
    read, write = os.pipe()
    with os.fdopen(read) as file:
        monkeypatch.setattr(sys, "stdin", file)
        yield write
        os.close(write)


async def test_text_is_everything_up_to_the_end(pipe: int) -> None:
    source = StandardInput(LONG)
    source.start()
    os.write(pipe, "\ufeffgrün ".encode())
    text = asyncio.create_task(source.text())
    await asyncio.sleep(0.05)
    os.write(pipe, b"\xff")
    os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)
    assert await text == "grün \udcff"
    assert source.ended


async def test_a_pipe_that_stays_silent_brings_lines_later(pipe: int) -> None:
    source = StandardInput(0.01)
    source.start()
    assert await source.text() is None
    taken: list[bytes] = []
    listening = asyncio.create_task(source.lines(taken.append))
    for piece in (b"on", b"e\n\ntwo\nthr", b"ee"):
        os.write(pipe, piece)
        await asyncio.sleep(0.02)
    assert taken == [b"one", b"", b"two"]
    os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)
    await asyncio.wait_for(listening, LONG)
    assert taken == [b"one", b"", b"two", b"three"]


async def test_what_came_while_nobody_looked_is_text_however_late_one_looks(pipe: int) -> None:
    source = StandardInput(0.01)
    source.start()
    os.write(pipe, b"early")
    await asyncio.sleep(0.1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), pipe)
    assert await source.text() == "early"


@pytest.fixture
def talk(home: Path, model_env: dict[str, str]) -> Iterator[Any]:
    """Starts a turn with standard input open, and ends it."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, argv: list[str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*(argv or lra("chat")), "-p", "go", *arguments],
            env=plain_env(home, **model_env),
            cwd=home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.wait()
        for file in (process.stdin, process.stdout, process.stderr):
            if file is not None:
                file.close()


def test_an_open_pipe_is_not_announced_where_answers_are_read(talk: Any, model_server: ModelServer) -> None:
    model_server.script(say("Done."))
    process = talk("--output-format", "stream-json")
    assert process.stdout is not None
    # Nothing is written and nothing is closed.
    last = json.loads([*process.stdout][-1])
    assert (last["type"], last["output"]) == ("turn_finished", "Done.")
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


@pytest.mark.parametrize("how", [["--output-format", "json"], ["--output-format", "stream-json", "--approve", "auto"]])
def test_an_open_pipe_that_nobody_reads_is_said(talk: Any, model_server: ModelServer, how: list[str]) -> None:
    model_server.script(say("Done."))
    process = talk(*how)
    assert "Done." in process.stdout.read()
    assert process.wait(20) == 0
    assert process.stderr.read() == "lra: nothing came on standard input for 3 s, going on without it.\n"


@pytest.mark.parametrize("how", ["text", "json", "stream-json"])
def test_piped_text_is_added_in_every_format(talk: Any, model_server: ModelServer, how: str) -> None:
    model_server.script(say("Done."))
    process = talk("--output-format", how)
    out, err = process.communicate("of the week\n", timeout=30)
    assert "Done." in out
    assert err == ""
    assert [message.text for message in model_server.last_messages() if message.role == "user"] == [
        "go\n\nof the week\n"
    ]


def answers(process: subprocess.Popen[str], *lines: str) -> list[dict[str, Any]]:
    """Answer the question with these lines; returns all events."""
    events = []
    assert process.stdout is not None
    assert process.stdin is not None
    for line in process.stdout:
        event = json.loads(line)
        events.append(event)
        if event["type"] == "approval_requested":
            for answer in lines:
                process.stdin.write(answer.replace("ID", event["call_id"]) + "\n")
            process.stdin.flush()
    return events


def test_a_line_that_is_no_answer_is_told_and_the_question_stays_open(talk: Any, model_server: ModelServer) -> None:
    model_server.script(say("", call("write_file", path="a.txt")), say("Done."))
    process = talk("--output-format", "stream-json", argv=PROGRAM)
    events = answers(
        process,
        "noise",
        "",
        '{"type": "message"}',
        '{"type": "approval", "approved": true}',
        '{"type": "approval", "call_id": "ID", "approved": "yes"}',
        '{"type": "approval", "call_id": "ID", "approved": true, "args": "b.txt"}',
        '{"type": "approval", "call_id": "other", "approved": true}',
        '{"type": "approval", "call_id": "ID", "approved": true, "reason": null}',
        "[" * 100_000,
        '{"type": "approval", "call_id": "ID", "approved": true}',
    )
    assert process.wait(20) == 0
    (question,) = [event["call_id"] for event in events if event["type"] == "approval_requested"]
    still = f". The question about {question} is still open."
    form = 'only answers to questions are read there, as {"type": "approval", "call_id": "…", "approved": true}'
    assert [event["text"] for event in events if event["type"] == "notice"] == [
        f"Line {number} of standard input was not understood: {wrong}{still}"
        for number, wrong in (
            (1, "it is no JSON"),
            (3, form),
            (4, '"call_id" is missing'),
            (5, '"approved" has to be true or false, not "yes"'),
            (6, '"args" has to be an object, not "b.txt"'),
            (7, "no question with the call_id 'other' is open"),
            (8, '"reason" has to be a text, not null'),
            (9, "it is no JSON"),
        )
    ]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [str(message.text) for message in model_server.last_messages() if message.role == "tool"] == [
        "written a.txt"
    ]


def test_noise_without_end_is_told_ten_times(talk: Any, model_server: ModelServer) -> None:
    model_server.script(say("", call("write_file", path="a.txt")), say("Done."))
    process = talk("--output-format", "stream-json", argv=PROGRAM)
    answer = '{"type": "approval", "call_id": "ID", "approved": false, "reason": "no"}'
    told = [event["text"] for event in answers(process, *["noise"] * 200, answer) if event["type"] == "notice"]
    assert len(told) == 10
    assert told[-1].endswith("Further lines like it are not told.")


def test_at_a_terminal_it_is_said_what_to_do(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("", call("write_file", path="a.txt")), say("Done."))
    out = home / "events"
    script = '"$@" > "$OUT"'
    argv = ["sh", "-c", script, "sh", *PROGRAM, "-p", "go", "--output-format", "stream-json"]
    terminal = start(argv=argv, OUT=str(out), **model_env)
    assert terminal.end(30) == 0
    events = [json.loads(line) for line in out.read_text().splitlines()]
    (resolved,) = [event for event in events if event["type"] == "approval_resolved"]
    assert not resolved["approved"]
    assert resolved["reason"] == (
        "Nobody can be asked here. Standard input is a terminal; with stream-json, answers are lines of JSON in a pipe."
        " Without -p you are asked, and --approve auto allows what would be asked."
    )
