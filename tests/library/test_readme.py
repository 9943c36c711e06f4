"""What the README shows of a conversation, of MCP and of a replay is what the program shows; its files can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from lra.config import config_dir
from lra.config.trust import trust
from lra.policy import parse
from tests.chat.conftest import Start, model_env, start
from tests.mcp.support import settled, write_servers
from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer, call, say
from tests.support.terminal import Terminal, lra

__all__ = ["model_env", "start"]

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
BIN = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
_MASKED = re.compile(r"\d+ requests · [\d,]+ tokens in, [\d,]+ out|\$[\d.]+|\([\d.]+ s\)|[\d,]+ tokens|\d+ more lines")


def blocks(heading: str, language: str = "text") -> list[str]:
    """The pieces of one language in a chapter."""
    chapter = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^```{language}\n(.*?)^```", chapter, re.MULTILINE | re.DOTALL)


def steady(line: str) -> str:
    """A line without what is another number each time, and without what stands behind it on the screen."""
    return _MASKED.sub("#", line.rstrip())


def pattern(line: str) -> re.Pattern[str]:
    """What a line has to look like; where it is cut depends on what stands behind."""
    pieces = re.split(r"\S*…", steady(line))
    return re.compile(".*".join(map(re.escape, pieces)) + r"( .*)?")


def follows(shown: str, lines: list[str]) -> bool:
    """Whether the lines of a piece are there in their order; an answer may stand behind a question."""
    at = iter([steady(line) for line in lines])
    return all(any(wanted.fullmatch(line) for line in at) for wanted in map(pattern, filter(None, shown.split("\n"))))


def sees(terminal: Terminal, shown: str) -> None:
    terminal.wait(lambda it: follows(shown, it.lines), 40)


DISTANCE = '''import math


def distance(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the kilometres between two places as the crow flies.

    Args:
        lat1: Degrees north of the first.
        lon1: Degrees east of the first.
        lat2: Degrees north of the second.
        lon2: Degrees east of the second.
    """
    one, two = math.radians(lat1), math.radians(lat2)
    east = math.radians(lon2 - lon1)
    bow = math.sin(one) * math.sin(two) + math.cos(one) * math.cos(two) * math.cos(east)
    return round(6371.0 * math.acos(bow), 1)
'''


def test_a_conversation(
    start: Start, model_env: dict[str, str], model_server: ModelServer, home: Path, local_env: dict[str, str]
) -> None:
    work = home / "work"
    skill = work / ".lra" / "skills" / "release-notes" / "SKILL.md"
    critic = home / "data" / "agents" / "critic.md"
    for path, text in ((skill, blocks("Skills and instructions")[0]), (critic, blocks("Specialists")[0])):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    trust(work, home / ".config" / "lra")
    terminal = start(cwd=work, LINES="50", **model_env, **local_env)
    terminal.wait("/help shows")

    terminal.send("/skills\r")
    sees(terminal, blocks("Skills and instructions")[1])

    url = "https://docs.python.org/3/library/tomllib.html"
    model_server.script(say("", call("web_fetch", url=url, start=0)), say("As you wish."))
    terminal.send("how is TOML read?\r")
    sees(terminal, blocks("The web")[0])
    terminal.send("not now\r")
    terminal.wait("As you wish.")
    terminal.prompt()

    asked, listed = blocks("Permissions")
    wanted = {"network": "limited", "allowed_hosts": ["data.example.org"], "packages": []}
    model_server.script(say("", call("create_sandbox", **wanted)), say("Then I leave it."))
    terminal.send("get the data from data.example.org\r")
    terminal.wait(re.compile(r"create_sandbox.*Allow it\?", re.DOTALL), 40)
    terminal.send("a\r")
    sees(terminal, asked)
    terminal.send("n\r")
    terminal.wait(lambda it: "Add this rule?" not in it.text and "Allow it?" in it.text)
    # What is typed before the question is asked again is no answer to it.
    time.sleep(0.6)
    terminal.send("n\r")
    terminal.wait("Then I leave it.")
    terminal.prompt()
    assert not (home / ".config" / "lra" / "permissions.toml").exists()

    terminal.send("/permissions allow web_fetch host=docs.python.org\r")
    terminal.wait("Added to ~/.config/lra/permissions.toml: allow web_fetch")
    terminal.send("/permissions deny write_memory\r")
    terminal.wait("deny write_memory")
    terminal.send("/permissions\r")
    sees(terminal, listed)

    model_server.script(
        say("", call("delegate_critic_task", task="Judge this: Rain falls.")),
        say("", call("search_memory", query="style of poems")),
        say("Nothing moves in it. Better: Rain falls, and the gutter sings."),
        say("It wants more."),
    )
    terminal.send("a line about rain\r")
    sees(terminal, blocks("Specialists")[1])
    terminal.prompt()

    berlin = {"lat1": 52.52, "lon1": 13.405, "lat2": 41.9, "lon2": 12.5}
    tests = [{"args": berlin, "expected": 1182.8}]
    model_server.script(
        say("", call("generate_tool", name="distance", code=DISTANCE, tests=tests)),
        say("", call("distance", **berlin)),
        say("As far as that."),
    )
    terminal.send("How far is Rome from Berlin?\r")
    question, answer = blocks("Tools it writes")[:2]
    sees(terminal, question)
    terminal.send("y\r")
    sees(terminal, answer)
    terminal.press("ctrl-d")


def test_rules_in_a_file() -> None:
    (text,) = blocks("Permissions", "toml")
    rules, mistakes = parse(text, "user", "permissions.toml")
    assert mistakes == []
    assert [(rule.action, rule.tool) for rule in rules] == [("allow", "web_fetch"), ("deny", "mail_*")]
    assert len(tomllib.loads(text)["rule"]) == 2


@pytest.fixture
def console(home: Path) -> Callable[..., list[str]]:
    """Run a command and return what it says on both streams."""

    def run(*arguments: str, **env: str) -> list[str]:
        done = subprocess.run(
            lra(*arguments),
            env={**os.environ, "PATH": BIN, "COLUMNS": "100", **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        return done.stdout.replace(str(home / "work"), "/home/you/project").splitlines()

    return run


def test_servers_of_others(console: Callable[..., list[str]]) -> None:
    described, _ours = map(json.loads, blocks("MCP", "json"))
    checked, allowed = blocks("MCP")
    write_servers(described["mcpServers"])
    docs = {"command": "python", "args": ["tools/docs_server.py"], "env": {"TOKEN": "${DOCS_TOKEN}"}}
    (Path.cwd() / ".lra").mkdir()
    write_servers({"docs": docs}, Path.cwd() / ".lra" / "mcp.json")
    trust(Path.cwd(), config_dir())
    command, *shown = checked.splitlines()
    assert sorted(console(*command.split()[2:])) == sorted(shown)
    command, *shown = allowed.splitlines()
    # Without a terminal the question has another end.
    assert console(*command.split()[2:])[: len(shown) - 1] == shown[:-1]


async def test_ours_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", BIN)
    group = await settled(**json.loads(blocks("MCP", "json")[1])["mcpServers"])
    (server,) = group.servers
    assert (server.state, server.problem) == ("ready", "")
    assert "mcp__lra__search_memory" in server.offers
    await group.close()


def test_a_replay(console: Callable[..., list[str]], model_server: ModelServer) -> None:
    (shown,) = [block for block in blocks("What it keeps, and where") if "sessions replay" in block]
    env = {**env_for(model_server), "LRA_MODEL": MODELS["openai-chat"]}
    model_server.script(
        say("", call("create_task", title="Water the roses")),
        say("It is on your list: water the roses."),
        say("", call("list_tasks")),
        say("The roses want water."),
    )
    done = console("chat", "-p", "remind me of the roses", "--output-format", "json", **env)
    session = json.loads(done[-1])["session_id"]
    console("chat", "-r", session, "-p", "what is to be done?", **env)
    model_server.script(
        say("", call("create_task", title="Water roses")),
        say("It is on your list: the roses."),
        say("", call("list_tasks")),
        say("The roses want water."),
    )
    command, *wanted = shown.splitlines()
    said = console(*command.replace("6kjq", session).split()[2:], **env)
    assert [steady(line) for line in said if not line.startswith("lra: ")] == [steady(line) for line in wanted]
