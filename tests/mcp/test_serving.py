"""`lra mcp` in a process of its own, asked by the official client: the same record, the same rules."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from lra.config import config_dir, load_settings
from lra.runtime import Runtime
from lra.session import Session

SECRET = "sk-proj-abcdefghijklmnopqrstuvwx1234567890ABCDEFGH"


@asynccontextmanager
async def served(mode: str = "auto") -> AsyncIterator[Client]:
    server = StdioServerParameters(command=sys.executable, args=["-m", "lra", "mcp"], env=dict(os.environ))
    async with Client(server, mode=mode) as client:
        yield client


async def ask(client: Client, tool: str, **args: Any) -> Any:
    result = await client.call_tool(tool, args)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content.get("result", result.structured_content)


async def refused(client: Client, tool: str, **args: Any) -> str:
    result = await client.call_tool(tool, args)
    assert result.is_error
    (block,) = result.content
    return str(getattr(block, "text", ""))


async def runtime() -> Runtime:
    return await Runtime.open(await asyncio.to_thread(load_settings))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_another_agent_shares_the_memory(mode: str) -> None:
    async with await Session.open(model="offline") as session:
        [event async for event in session.send("My dog is called Biscuit.")]
        session_id = session.id
    async with served(mode) as client:
        assert client.server_info is not None
        assert client.server_info.name == "lra"
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            "search_memory",
            "get_recent_conversations",
            "list_tasks",
            "write_memory",
            "create_task",
            "update_task_status",
        }
        hints = tools["search_memory"].annotations
        assert hints is not None
        assert hints.read_only_hint
        found = await ask(client, "search_memory", query="what is the dog called")
        assert any("Biscuit" in hit["content"] for hit in found)
        said = await ask(client, "get_recent_conversations")
        assert {line["session"] for line in said} == {session_id}
        assert said[0] == {**said[0], "role": "user", "content": "My dog is called Biscuit."}
        written = await ask(client, "write_memory", content="Ada lives in Lisbon", key="user.city")
        assert written.startswith("Remembered (id=")
        task = await ask(client, "create_task", title="Water the plants")
        await ask(client, "update_task_status", task_id=task["id"], status="done")
        assert [each["status"] for each in await ask(client, "list_tasks")] == ["done"]
        assert "no task" in (await refused(client, "update_task_status", task_id="nope", status="done")).lower()
    own = await runtime()
    try:
        assert [hit.content for hit in await own.memory.search("where does Ada live", scope="memories")] == [
            "Ada lives in Lisbon"
        ]
        (record,) = [each for each in await own.memory.find() if each.key == "user.city"]
        assert (record.source, record.session_id) == ("tool", None)
        audited = [each["payload"] for each in await own.store.audit.find()]
    finally:
        await own.close()
    mine = [each for each in audited if each["source"].startswith("mcp-client:")]
    assert [each["tool"] for each in mine][:3] == ["search_memory", "get_recent_conversations", "write_memory"]
    assert "Lisbon" not in json.dumps(mine)


async def test_what_is_not_for_others_is_not_handed_out() -> None:
    own = await runtime()
    try:
        await own.memory.remember("The safe is behind the Lisbon picture", local_only=True)
        await own.memory.remember("The Lisbon trip is in May")
        await own.memory.remember(f"The Lisbon token is {SECRET}", allow_secret=True)
    finally:
        await own.close()
    async with await Session.open(model="offline", use_memory=False) as private:
        [event async for event in private.send("Nobody is to know about Lisbon and me.")]
    async with served() as client:
        found = json.dumps(await ask(client, "search_memory", query="Lisbon", limit=20))
        assert "in May" in found
        assert "safe" not in found
        assert SECRET not in found
        assert "The Lisbon token is [secret]" in found
        assert await ask(client, "get_recent_conversations") == []
        told = await refused(client, "write_memory", content=f"The key is {SECRET}")
        assert "OpenAI key" in told
        assert SECRET not in told


async def test_rules_of_the_person_hold_for_others_too() -> None:
    path = config_dir() / "permissions.toml"
    await asyncio.to_thread(path.parent.mkdir, parents=True)
    await asyncio.to_thread(
        path.write_text,
        '[[rule]]\ndeny = "write_memory"\nwhy = "I write it myself."\n\n[[rule]]\nask = "*_task*"\n',
    )
    async with served() as client:
        assert "I write it myself." in await refused(client, "write_memory", content="Ada lives in Lisbon")
        assert "Nobody can be asked here." in await refused(client, "create_task", title="Water the plants")
        assert await ask(client, "search_memory", query="Ada") == []


async def test_wrong_arguments_are_refused_and_it_goes_on() -> None:
    async with served() as client:
        assert "limit" in await refused(client, "search_memory", query="x", limit=10_000)
        assert "empty" in await refused(client, "write_memory", content="  ")
        assert "title" in await refused(client, "create_task", title="")
        assert await ask(client, "list_tasks") == []


def serving() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "lra", "mcp", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def initialize(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.flush()
    return process.stdout.readline()


def test_it_ends_with_its_caller_and_when_it_is_told_to() -> None:
    process = serving()
    assert b'"serverInfo"' in initialize(process)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"", b"")
    process = serving()
    initialize(process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    process.communicate()


def test_lines_that_are_no_messages_do_no_harm(home: Path) -> None:
    process = serving()
    assert process.stdin is not None
    process.stdin.write(b"hello?\n[]\n\xff\xfe\n" + b"{" * 100_000 + b"\n")
    assert b'"serverInfo"' in initialize(process)
    _, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
