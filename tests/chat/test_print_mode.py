"""One turn for scripts."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_server import ModelServer, call, fail, say
from tests.support.terminal import lra, plain_env


def run(home: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lra("chat", "-p", *arguments),
        env=plain_env(home, **extra),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_text_is_the_answer_alone(home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("Let me note it.", call("create_task", title="Buy milk")), say("\n\nNoted.\n\n"))
    done = run(home, "buy milk", **model_env)
    assert done.returncode == 0
    assert done.stdout == "Let me note it.\nNoted.\n"
    assert "⚙ create_task" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_text_streams(home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say(("first", " second"), hold=1))
    process = subprocess.Popen(
        lra("chat", "-p", "go"), env=plain_env(home, **model_env), cwd=home, stdout=subprocess.PIPE, text=False
    )
    assert process.stdout is not None
    assert process.stdout.read(5) == b"first"
    model_server.release()
    assert process.stdout.read() == b" second\n"
    assert process.wait(20) == 0


def test_json_is_one_object(home: Path) -> None:
    told = json.loads(run(home, "remember that my dog is called Rex", "--output-format", "json").stdout)
    assert set(told) == {"session_id", "output", "outcome", "usage", "cost", "recalled", "remembered"}
    assert told["outcome"] == "completed"
    assert len(told["remembered"]) == 1
    asked = json.loads(run(home, "what is my dog called?", "--output-format", "json").stdout)
    assert "Rex" in asked["output"]
    assert asked["recalled"]
    assert asked["session_id"] != told["session_id"]


def test_stream_json_is_one_event_per_line(home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("one two"))
    events = lines(run(home, "go", "--output-format", "stream-json", **model_env).stdout)
    assert events[0]["type"] == "turn_started"
    assert events[-1]["type"] == "turn_finished"
    assert "".join(event["text"] for event in events if event["type"] == "text_delta") == "one two"
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


def test_continuing_says_what(home: Path) -> None:
    first = json.loads(run(home, "hello", "--output-format", "json").stdout)["session_id"]
    done = run(home, "hello again", "-c", "--output-format", "json")
    assert json.loads(done.stdout)["session_id"] == first
    assert f"Continuing session {first}" in done.stderr


@pytest.mark.parametrize("output_format", ["text", "json", "stream-json"])
def test_a_failed_turn(home: Path, model_server: ModelServer, model_env: dict[str, str], output_format: str) -> None:
    model_server.script(fail("auth"))
    done = run(home, "go", "--output-format", output_format, **model_env)
    assert done.returncode == 3
    if output_format == "text":
        assert done.stdout == ""
    else:
        last = lines(done.stdout)[-1]
        assert last["outcome"] == "failed"
        assert "refused the key" in last["error"]
    if output_format != "stream-json":
        assert done.stderr.startswith("lra: ")
        assert "refused the key" in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_before_the_turn(home: Path) -> None:
    done = run(home, "hello", "-r", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no session 'nothing'" in done.stderr
    assert run(home, "hello", "-m", "nonsense").returncode == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(home: Path, model_server: ModelServer, model_env: dict[str, str], number: signal.Signals) -> None:
    model_server.script(say("one two three", hold=2))
    process = subprocess.Popen(
        lra("chat", "-p", "count", "--output-format", "stream-json"),
        env=plain_env(home, **model_env),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    model_server.wait_held(timeout=20)
    time.sleep(0.3)
    asked = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - asked < 2
    assert process.returncode == 130
    last = lines(out)[-1]
    assert (last["type"], last["outcome"]) == ("turn_finished", "interrupted")
    assert "one two" in last["output"]
    assert "Traceback" not in err
    model_server.script(say("Here."))
    shown = run(home, "and now?", "-c", **model_env)
    assert shown.stdout == "Here.\n"
    assert any("one two" in message.text for message in model_server.last_messages())


def test_interrupted_before_the_turn(home: Path) -> None:
    process = subprocess.Popen(
        lra("chat", "-p", "hello"), env=plain_env(home), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(0.9)
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=20)
    assert process.returncode in {0, 130}
    assert b"Traceback" not in err


def test_nobody_reads(home: Path, model_server: ModelServer, model_env: dict[str, str]) -> None:
    model_server.script(say("word " * 2000, chunk_delay=0.001))
    process = subprocess.Popen(
        lra("chat", "-p", "go"),
        env=plain_env(home, **model_env),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(4)
    process.stdout.close()
    assert process.wait(20) is not None
    err = process.stderr.read()
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_no_standard_output(home: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *lra("chat", "-p", "hello")],
        env=plain_env(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"lra: Standard output is closed, so nothing was asked or answered. ")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [["-p", "hello"], []])
def test_standard_output_is_full(home: Path, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            lra("chat", *arguments),
            env=plain_env(home),
            cwd=home,
            input=b"hello\n",
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=50,
            check=False,
        )
    assert done.returncode == 1
    assert b"lra: Standard output cannot be written: No space left on device." in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
