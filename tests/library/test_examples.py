"""Every example runs: with the offline model, or with a scripted provider where it needs a model that calls tools."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer, call, say

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
Run = Callable[..., str]


@pytest.fixture
def run(home: Path) -> Run:
    """Run an example to its end and return what it prints."""

    def begin(name: str, *arguments: str, server: ModelServer | None = None, stdin: str = "") -> str:
        env = {**os.environ, "PYTHONPATH": str(ROOT), "SANDBOX_URL": "http://127.0.0.1:9"}
        if server is not None:
            env |= {**env_for(server), "LRA_MODEL": MODELS["openai-chat"]}
        done = subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments],
            env=env,
            cwd=home / "work",
            input=stdin,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout

    return begin


def test_every_example_is_tested_and_listed() -> None:
    names = sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py"))
    tested = Path(__file__).read_text("utf-8")
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    assert len(names) == 10
    for name in names:
        assert f'"{name}"' in tested
        assert f"lra.examples.{name}" in listed


def test_basic_chat(run: Run) -> None:
    said = run("01_basic_chat", stdin="Remember that my dog is called Rex.\nWhat is my dog called?\n\n")
    assert "lra: " in said
    assert "Rex" in said
    # The next run goes on where this one ended.
    assert "Rex" in run("01_basic_chat", stdin="What is my dog called?\n")


def test_single_turn(run: Run) -> None:
    assert "remember" in run("02_single_turn", "What can you do?")


def test_events(run: Run) -> None:
    said = run("03_events", "Remember that my dog is called Rex.")
    assert "calls write_memory" in said
    assert "completed" in said


def test_memory_across_runs(run: Run) -> None:
    said = run("04_memory_across_runs")
    assert "recalled: My dog is called Rex" in said
    assert "Rex" in said.splitlines()[-1]


def test_custom_agent(run: Run, model_server: ModelServer) -> None:
    model_server.script(
        say("", call("count_words", text="to be or not to be")),
        say("", call("final_result", words=6, comment="Famous.")),
    )
    said = run("05_custom_agent", "to be or not to be", server=model_server)
    first, rest = said.split("\n", 1)
    assert first == "count_words: 6"
    assert json.loads(rest) == {"words": 6, "comment": "Famous."}


def test_specialists(run: Run, model_server: ModelServer) -> None:
    model_server.script(
        say("", call("delegate_critic_task", task="Rain falls.")), say("Too short."), say("Rain falls on the sea.")
    )
    said = run("06_specialists", "A haiku", server=model_server)
    assert said.splitlines()[0] == "critic is asked: Rain falls."
    assert said.splitlines()[1].startswith("critic: completed")
    assert said.splitlines()[2:] == ["Rain falls on the sea.", "3 requests in all"]


def test_data_analysis(run: Run, home: Path) -> None:
    import asyncio

    from sandbox.providers.local import LocalProvider

    if reason := asyncio.run(LocalProvider().check()):
        pytest.skip(reason)
    said = run("07_data_analysis", "plot.svg")
    assert "{'Oslo': 5.0, 'Rome': 18.0, 'Cairo': 30.0}" in said
    plot = (home / "work" / "plot.svg").read_text()
    assert plot.startswith("<svg")
    assert plot.count("<rect") == 3


def test_mcp(run: Run, model_server: ModelServer) -> None:
    model_server.script(
        say("", call("mcp__atlas__distance", start="Oslo", end="Rome")), say("It is 2006 km as the crow flies.")
    )
    said = run("08_mcp", server=model_server)
    assert "2006 km" in said.splitlines()[0]
    assert said.splitlines()[-1] == "It is 2006 km as the crow flies."


def test_memory_for_your_agent(run: Run, model_server: ModelServer) -> None:
    model_server.script(
        say("", call("write_memory", content="The dog is called Rex", key="user.dog")), say("Noted."), say("Rex.")
    )
    assert run("09_memory_for_your_agent", "My dog is called Rex.", server=model_server) == "Noted.\n"
    assert run("09_memory_for_your_agent", server=model_server) == "Rex.\n"
    # The second run was given what the first was told.
    assert "The dog is called Rex" in model_server.last_messages()[-1].text


@pytest.mark.parametrize(
    ("name", "told"), [("09_memory_for_your_agent", "OPENAI_API_KEY"), ("10_batch", "Name a file")]
)
def test_what_is_missing_is_said(name: str, told: str, home: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, env=env, cwd=home / "work", capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_batch(run: Run, home: Path) -> None:
    (home / "work" / "questions.txt").write_text("Remember that my dog is called Rex.\n\nWhat is my dog called?\n")
    lines = [json.loads(line) for line in run("10_batch", "questions.txt").splitlines()]
    assert [line["outcome"] for line in lines] == ["completed", "completed"]
    assert lines[0]["tools"] == ["write_memory"]
    assert "Rex" in lines[1]["output"]
