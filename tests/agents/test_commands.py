"""`lra create-agent`, `lra run` and `lra list-agents`, as people use them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chat.conftest import Start, model_env, start
from tests.cli.conftest import Cli, cli, forks
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import lra

__all__ = ["cli", "forks", "model_env", "start"]


@pytest.fixture
def made(cli: Cli) -> Path:
    """A fresh agent with a tool."""
    assert cli("create-agent", "word_agent", "--template", "tool", "--prompt", "You count words.").code == 0
    return cli.folder / "word_agent"


def test_a_folder_is_made_whose_test_passes(cli: Cli, made: Path) -> None:
    assert sorted(path.name for path in made.iterdir()) == [
        ".env.example",
        "README.md",
        "agent.py",
        "instructions.md",
        "main.py",
        "test_agent.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=made,
        env=cli.environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_the_default_name_and_what_is_refused(cli: Cli) -> None:
    result = cli("create-agent")
    assert result.code == 0
    assert (cli.folder / "my_agent" / "agent.py").is_file()
    again = cli("create-agent")
    assert again.code == 2
    assert "my_agent is there already" in again.err
    (cli.folder / "other").symlink_to("/nowhere")
    for name in ("other", "../x", "a b", "class", "-x"):
        refused = cli("create-agent", "--", name)
        assert refused.code == 2, name
        assert refused.out == ""
    assert cli("create-agent", "x1", "--template", "nothing").code == 2
    assert cli("create-agent", "x2", "--prompt", " ").code == 2
    assert cli("create-agent", "x3", "--model", "nobody").code == 3
    unknown = cli("create-agent", "x4", "--model", "nobody:x")
    assert unknown.code == 3
    assert "names no known provider" in unknown.err
    assert sorted(path.name for path in cli.folder.iterdir()) == ["my_agent", "other"]


def test_it_is_run_by_folder_by_file_and_by_itself(cli: Cli, made: Path) -> None:
    for path in ("word_agent", "word_agent/agent.py", "word_agent/main.py"):
        result = cli("run", path, "--model", "offline", "-p", "hello")
        assert result.code == 0, result.err
        assert "Hello" in result.out
        assert "Talking with word_agent" in result.err
    by_itself = cli.python(str(made / "main.py"), "-p", "hello", "--model", "offline", "--output-format", "json")
    assert by_itself.returncode == 0, by_itself.stderr
    assert json.loads(by_itself.stdout)["outcome"] == "completed"
    listed = cli("sessions", "list", "--json").json
    assert len(listed) == 4


def test_a_memory_of_its_own(cli: Cli, made: Path) -> None:
    tell = ("--model", "offline", "-p", "Remember that my dog is called Rex.")
    ask = ("--model", "offline", "-p", "What is my dog called?")
    assert cli("run", "word_agent", "--own-memory", *tell).code == 0
    assert "Rex" in cli("run", "word_agent", "--own-memory", *ask).out
    assert "Rex" not in cli("run", "word_agent", *ask).out
    assert "Rex" not in cli("chat", *ask).out
    assert cli("memory", "list", "--json").json == []


def test_continuing_goes_to_the_agents_own_session(cli: Cli, made: Path) -> None:
    cli("run", "word_agent", "--model", "offline", "-p", "hello")
    cli("chat", "--model", "offline", "-p", "hello")
    result = cli("run", "word_agent", "--model", "offline", "-c", "-p", "hello again", "--output-format", "json")
    turns = {record["id"]: record["turns"] for record in cli("sessions", "list", "--json").json}
    assert turns[result.json["session_id"]] == 2
    assert sorted(turns.values()) == [1, 2]


@pytest.mark.parametrize(
    ("path", "code", "problem"),
    [
        ("nowhere", 2, "There is no agent at nowhere."),
        (".", 2, "/work. `lra create-agent NAME` makes a folder with one."),
        ("broken", 3, "agent.py, line 3: NameError: name 'nothing' is not defined"),
        ("text.txt", 2, "is no agent"),
    ],
)
def test_what_cannot_be_run(cli: Cli, path: str, code: int, problem: str) -> None:
    (cli.folder / "broken").mkdir()
    (cli.folder / "broken" / "agent.py").write_text("from lra import create_agent\n\nnothing()\n")
    (cli.folder / "text.txt").write_text("x")
    result = cli("run", path, "-p", "hello")
    assert result.code == code
    assert problem in result.err


def test_an_agent_that_never_ends_loading_is_left_at_once(cli: Cli) -> None:
    (cli.folder / "endless").mkdir()
    (cli.folder / "endless" / "agent.py").write_text("open('begun', 'w').close()\nwhile True:\n    pass\n")
    with subprocess.Popen(
        lra("run", "endless", "-p", "hello", "--model", "offline"),
        cwd=cli.folder,
        env=cli.environment(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not (cli.folder / "begun").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in told


def test_every_option_of_chat(cli: Cli) -> None:
    def options(command: str) -> set[str]:
        out = cli(command, "--help", env={"COLUMNS": "200"}).out
        return {word.strip(",") for word in out.split() if word.startswith("--")}

    extra = {"--install-completion", "--show-completion"}
    assert options("run") - {"--own-memory"} - extra == options("chat") - extra


def test_listing_runs_nothing(cli: Cli, made: Path) -> None:
    (made / "agent.py").write_text("from lra import create_agent\nopen('ran', 'w')\nagent = create_agent()\n")
    agents = cli.home / "agents"
    agents.mkdir(parents=True)
    (agents / "critic.md").write_text("---\ndescription: Judges.\n---\nBe strict.")
    (agents / "wrong.md").write_text("---\nx")
    result = cli("list-agents", "--json")
    assert result.code == 0
    assert "wrong.md" in result.err
    found: list[dict[str, Any]] = result.json
    assert [(each["kind"], each["name"]) for each in found] == [
        ("agent", "word_agent"),
        ("specialist", "code"),
        ("specialist", "research"),
        ("specialist", "critic"),
    ]
    assert found[0]["description"] == "You count words."
    assert not list(cli.folder.rglob("ran"))
    assert len(cli("list-agents").out.splitlines()) == 4


def test_the_prompt_is_asked_for_on_a_terminal(start: Start, home: Path) -> None:
    terminal = start(argv=lra("create-agent", "my_agent"), cwd=home / "work")
    terminal.wait("What is it to do?")
    terminal.send("You speak like a pirate.\r")
    terminal.wait("Talk with it: lra run my_agent")
    assert (home / "work" / "my_agent" / "instructions.md").read_text() == "You speak like a pirate.\n"


def test_a_chat_takes_up_what_is_saved(
    start: Start, model_env: dict[str, str], model_server: ModelServer, home: Path
) -> None:
    folder = home / "work" / "my_agent"
    make: Callable[..., Any] = subprocess.run
    make(lra("create-agent", "my_agent", "--template", "tool", "--prompt", "Count."), cwd=home / "work", check=True)
    model_server.script(
        say("", call("count_words", text="one two")),
        say("Two."),
        say("", call("count_words", text="one two")),
        say("Four."),
        say("Still four."),
        say("Title: Counting\n\nWords were counted."),
    )
    terminal = start(argv=lra("run", "my_agent"), cwd=home / "work", **model_env)
    terminal.wait("Talking with my_agent")
    terminal.send("Count one two\r")
    terminal.wait("Two.")
    source = (folder / "agent.py").read_text()
    (folder / "agent.py").write_text(source.replace("len(text.split())", "2 * len(text.split())"))
    terminal.send("Count one two again\r")
    terminal.wait("my_agent was changed and is loaded anew.")
    terminal.wait("Four.")
    (folder / "agent.py").write_text(source + "\noh no\n")
    terminal.send("And now?\r")
    terminal.wait("stays as it was")
    terminal.wait("SyntaxError")
    terminal.wait("Still four.")
    terminal.press("ctrl-d")
    assert terminal.end() == 0
