"""The prompt comes first; everything heavy comes while the person types."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import termios
from pathlib import Path

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import ROOT, plain_env

RECORD = """
import json, os, sys
from lra.chat import loading
before = loading.Loader.start
def start(self):
    with open(os.environ["RECORD"], "w") as file:
        json.dump(sorted(sys.modules), file)
    before(self)
loading.Loader.start = start
from lra.cli import main
main()
"""
# Typer brings pydantic itself, to check options.
HEAVY = {
    "aiosqlite", "alembic", "anthropic", "chromadb", "httpx", "markdown_it", "numpy", "onnxruntime", "openai",
    "pydantic", "pydantic_ai", "sqlalchemy", "tokenizers",
}  # fmt: skip
LIGHT = {"lra.chat", "lra.cli", "lra.config", "lra.errors", "lra.events", "lra.text", "lra.store"}


def test_nothing_heavy_is_imported_before_the_prompt(start: Start, home: Path) -> None:
    record = home / "modules.json"
    terminal = start(argv=[sys.executable, "-c", RECORD, "chat"], RECORD=str(record))
    terminal.prompt()
    terminal.wait(lambda _: record.exists() and record.stat().st_size > 0)
    terminal.press("ctrl-d")
    terminal.end()
    modules = json.loads(record.read_text())
    assert "prompt_toolkit" in modules
    assert not HEAVY & {name.partition(".")[0] for name in modules}
    own = {name for name in modules if name.startswith("lra.")}
    assert not {name for name in own if ".".join(name.split(".")[:2]) not in LIGHT}
    assert {name for name in own if name.startswith("lra.store")} <= {
        "lra.store",
        "lra.store.inbox",
        "lra.store.processes",
        "lra.store.whole_file",
    }


def test_importing_the_package_is_cheap(home: Path) -> None:
    code = "import sys, lra.chat; print(*sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], env=plain_env(home), cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"prompt_toolkit", "rich", "asyncio", *HEAVY} & set(out.stdout.split())


def test_a_line_entered_before_everything_is_loaded(
    start: Start, home: Path, model_server: ModelServer, model_env: dict[str, str]
) -> None:
    model_server.script(say("Good morning."), say("And again."))
    terminal = start(**model_env)
    # The terminal is ours already, and there is no prompt yet.
    terminal.wait(lambda it: not it.mode[3] & termios.ECHO)
    terminal.send("early bird\r")
    terminal.wait("Good morning.")
    terminal.prompt()
    assert terminal.text.count("> early bird") == 1
    assert not list((home / "data" / "inbox").glob("*"))
    terminal.send("second\r")
    terminal.wait("And again.")
    roles = [message.role for message in model_server.last_messages() if message.role != "system"]
    assert roles == ["user", "assistant", "user"]
    assert "typed but not sent" not in terminal.text


def test_what_is_being_typed_survives_the_notices(start: Start) -> None:
    terminal = start()
    terminal.prompt()
    terminal.send("half a ")
    terminal.wait("offline model")
    terminal.wait(lambda it: it.line == "> half a")
    terminal.send("line")
    terminal.wait(lambda it: it.line == "> half a line")
    assert terminal.text.count("half a") == 1


def test_ctrl_c_before_the_session_is_open_gives_the_line_back(start: Start, home: Path) -> None:
    slow = f"from lra.chat import loading\nloading._HEAVY = ('tests.chat.slow_module', *loading._HEAVY)\n{RECORD}"
    terminal = start(argv=[sys.executable, "-c", slow, "chat"], RECORD=os.devnull)
    terminal.prompt()
    terminal.send("too soon\r")
    terminal.wait("starting")
    assert list((home / "data" / "inbox").glob("*"))
    terminal.press("ctrl-c")
    terminal.wait("Stopped.")
    terminal.wait(lambda it: it.line == "> too soon")
    assert not list((home / "data" / "inbox").glob("*"))


def test_a_line_entered_before_the_recap_stands_once_above_its_answer(start: Start, home: Path) -> None:
    first = start("-m", "offline")
    first.prompt()
    first.send("hello there\r")
    first.wait("Hello")
    first.prompt()
    first.press("ctrl-d")
    assert first.end() == 0
    slow = f"from lra.chat import loading\nloading._HEAVY = ('tests.chat.slow_module', *loading._HEAVY)\n{RECORD}"
    again = start(argv=[sys.executable, "-c", slow, "chat", "-c", "-m", "offline"], RECORD=os.devnull)
    again.prompt()
    again.send("the sky is low today\r")
    again.wait("starting, then: the sky is low today")
    again.wait(lambda it: it.text.count("> the sky is low today") == 1 and "> hello there" in it.text)
    again.prompt()
    assert again.text.index("> hello there") < again.text.index("> the sky is low today")
    assert again.text.count("the sky is low today") == 1


def test_whoever_waits_for_a_session_that_is_open_elsewhere_the_person_is_asked_once(start: Start, home: Path) -> None:
    first = start("-m", "offline")
    first.prompt()
    first.tell("hello there", "Hello")
    first.tell("/sessions", "* is this one")
    session = next(line for line in first.lines if line.startswith("  *  ")).split()[1]
    slow = f"from lra.chat import loading\nloading._HEAVY = ('tests.chat.slow_module', *loading._HEAVY)\n{RECORD}"
    other = start(argv=[sys.executable, "-c", slow, "chat", "-r", session, "-m", "offline"], RECORD=os.devnull)
    other.prompt()
    other.send("hello again\r")
    other.wait("starting")
    other.send("/tasks\r")
    other.wait("[f]ork")
    other.send("n\r")
    other.wait("There are no tasks.")
    other.prompt()
    assert other.text.count("is open in another process") == 1
