"""A tool from the wish for it to a module elsewhere, in the real program with real sandboxes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import Terminal, lra, plain_env

COUNT = '''
def count_words(text: str) -> int:
    """Count the words of a text.

    >>> count_words("a b a")
    3
    """
    return len(text.split())
'''


@pytest.fixture
def start(home: Path, local_env: dict[str, str], model_server: ModelServer) -> Iterator[Callable[[], Terminal]]:
    running: list[Terminal] = []

    def begin() -> Terminal:
        env = {**env_for(model_server), "LRA_MODEL": MODELS["openai-chat"], **local_env}
        terminal = Terminal(lra("chat"), env=plain_env(home, **env), cwd=home, columns=100, rows=40)
        running.append(terminal)
        terminal.prompt()
        return terminal

    yield begin
    for terminal in running:
        terminal.close()
        assert "Traceback" not in terminal.text


@pytest.fixture
def editor(home: Path) -> Path:
    """An editor that writes what lies in `wanted.py`, and notes what it was given."""
    script = home / "editor"
    script.write_text('#!/bin/sh\ncp "$1" given.py\ncp wanted.py "$1"\n')
    script.chmod(0o755)
    return script


def test_a_person_writes_a_tool_in_the_editor(local_env: dict[str, str], home: Path, editor: Path) -> None:
    (home / "wanted.py").write_text(COUNT.replace("    3", "    4"))
    env = plain_env(home, EDITOR=str(editor), **local_env)
    with Terminal(lra("create-tool"), env=env, cwd=home, columns=200, rows=40) as terminal:
        terminal.wait("The tool's name:")
        terminal.send("count_words\r")
        terminal.wait("Back to the editor? [Y/n]", 40)
        assert "gave 3, not 4." in terminal.text
        assert "def count_words(text: str)" in (home / "given.py").read_text()
        (home / "wanted.py").write_text(COUNT)
        terminal.send("y\r")
        terminal.wait("Kept as version 1.", 40)
        assert terminal.end() == 0


def test_asked_for_approved_used_restarted_used_again_listed_exported_imported(
    start: Callable[[], Terminal], local_env: dict[str, str], home: Path, model_server: ModelServer
) -> None:
    chat = start()
    tests = [{"args": {"text": "a b a"}, "expected": 3}]
    model_server.script(
        say("", call("generate_tool", name="count_words", code=COUNT, tests=tests)),
        say("", call("count_words", text="one two three four")),
        say("There are four words."),
    )
    chat.send("count the words of: one two three four\r")
    chat.wait("Allow it?")
    assert "A new tool. It passed its test; it reaches no network" in chat.text
    chat.send("v\r")
    chat.wait("return len(text.split())")
    # What is typed before the question is asked again is no answer to it.
    time.sleep(0.6)
    chat.send("y\r")
    chat.wait("There are four words.")
    chat.prompt()
    chat.send("/exit\r")
    chat.end()

    later = start()
    model_server.script(say("", call("count_words", text="five")), say("Just one."))
    later.send("and of: five\r")
    later.wait("Just one.")
    assert "Allow it?" not in later.text
    assert [str(message.text) for message in model_server.last_messages() if message.role == "tool"] == ["1"]
    later.prompt()
    later.send("/exit\r")
    later.end()

    env = {**os.environ, **local_env, "LRA_HOME": str(next(home.rglob("agent_memory.db")).parent)}

    def run(*args: str) -> str:
        done = subprocess.run(lra(*args), env=env, capture_output=True, text=True, timeout=50, check=True)
        return done.stdout

    listed = {tool["name"]: tool for tool in json.loads(run("list-tools", "--json"))}
    assert (listed["count_words"]["source"], listed["count_words"]["calls"]) == ("generated", 2)
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    run("export-tools", "-o", str(elsewhere / "mine.py"))
    alone = subprocess.run(
        [sys.executable, "-c", "import mine; print(mine.count_words('x y z'))"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=True,
    )
    assert alone.stdout == "3\n"

    # Another person, who knows nothing of the tool, takes the file.
    other = {**env, "LRA_HOME": str(home / "other"), "HOME": str(elsewhere)}
    subprocess.run(
        lra("create-tool", "--file", str(elsewhere / "mine.py")), env=other, capture_output=True, check=True, timeout=50
    )
    done = subprocess.run(
        lra("inspect-tool", "count_words", "--json"), env=other, capture_output=True, text=True, check=True, timeout=50
    )
    there = json.loads(done.stdout)
    assert (there["author"], there["version"], there["tests"]) == ("person", 1, tests)
    assert "return len(text.split())" in there["code"]
