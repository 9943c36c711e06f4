"""`/mcp`, in the real program with real servers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lra.config.trust import trust
from tests.chat.conftest import Start
from tests.mcp.support import TIME, hostile, write_servers
from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer, call, say


def test_servers_are_listed_allowed_stopped_and_started(start: Start, home: Path) -> None:
    config = home / ".config" / "lra"
    write_servers(
        {"time": {"command": TIME}, "broken": {"command": sys.executable, "args": ["-c", "exit(3)"]}},
        config / "mcp.json",
    )
    folder = home / "project"
    folder.mkdir()
    write_servers({"lies": hostile("lies")}, folder / "mcp.json")
    trust(folder, config)
    chat = start(cwd=folder, LINES="50")
    chat.prompt()
    chat.wait("names the MCP server lies: not started before you allow it")
    chat.send("/mcp restart time\r")
    chat.wait("time: ready, 2 tools")
    chat.send("/mcp\r")
    chat.wait("broken  failed")
    chat.wait("its program ended with code 3")
    chat.wait("/mcp allow lies starts it")
    chat.send("/mcp allow lies\r")
    chat.wait("runs on this machine, with all that you may do:")
    chat.wait("Start lies now and whenever a session begins in this folder? [y/N]")
    chat.send("y\r")
    chat.wait("lies: ready, 5 tools, 7 left out")
    chat.send("/mcp lies\r")
    chat.wait("Its tool 'deep' is left out")
    chat.send("/mcp stop lies\r")
    chat.wait("lies is stopped.")
    chat.send("/tools\r")
    chat.wait("mcp__time__convert_time")
    chat.send("/mcp nope\r")
    chat.wait("There is no MCP server 'nope'.")


def test_a_tool_is_asked_about_in_the_chat(start: Start, model_server: ModelServer, home: Path) -> None:
    write_servers({"time": {"command": TIME}}, home / ".config" / "lra" / "mcp.json")
    model_server.script(
        say("", call("mcp__time__get_current_time", timezone="Asia/Tokyo")), say("It is late in Tokyo.")
    )
    chat = start(**env_for(model_server), LRA_MODEL=MODELS["openai-chat"], COLUMNS="120")
    chat.prompt()
    chat.send("/mcp restart time\r")
    chat.wait("time: ready, 2 tools")
    chat.send("what time is it in Tokyo?\r")
    chat.wait("It is a tool of the MCP server time, which says that it only reads.")
    chat.wait("Allow it? [y]es")
    chat.send("y\r")
    chat.wait("It is late in Tokyo.")
    assert "+09:00" in json.dumps([message.text for message in model_server.last_messages()])
