"""MCP servers as the session runs them: real programs, one of them well-behaved and the others not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lra.config import load_settings
from lra.errors import LraError
from lra.tools.mcp.group import McpGroup, seen_tools
from lra.tools.mcp.results import MOST_CHARACTERS, content_of
from lra.tools.mcp.server import McpServer
from tests.mcp.support import TIME, hostile, settled, write_servers


@asynccontextmanager
async def servers(**described: dict[str, Any]) -> AsyncIterator[McpGroup]:
    group = await settled(**described)
    try:
        yield group
    finally:
        await group.close()


@asynccontextmanager
async def server(mode: str, *args: str, **more: Any) -> AsyncIterator[McpServer]:
    async with servers(s=hostile(mode, *args, **more)) as group:
        yield group.servers[0]


async def ask(of: McpServer, text: str = "hello") -> Any:
    return content_of(await of.call("echo", {"text": text}))


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_a_published_server_tells_the_time() -> None:
    async with servers(time={"command": TIME}) as group:
        (time,) = group.servers
        assert (time.state, time.notes) == ("ready", [])
        time_tools = list(time.offers)
        assert time_tools == ["mcp__time__get_current_time", "mcp__time__convert_time"]
        told = content_of(await time.call("get_current_time", {"timezone": "Asia/Tokyo"}))
        assert "+09:00" in told
        wrong = await time.call("get_current_time", {"timezone": "Nowhere/At_All"})
        assert wrong.is_error
        assert "Nowhere/At_All" in content_of(wrong)
    assert time.state == "stopped"
    assert [tool.name for tool in await asyncio.to_thread(lambda: seen_tools(load_settings()))] == time_tools


async def test_what_many_have_is_known_although_they_were_ready_at_once() -> None:
    async with servers(time={"command": TIME}) as group:
        (time,) = group.servers
        many = [McpServer(replace(time.config, name=f"time{n}"), group._remember) for n in range(20)]
        for each in many:
            each.offers = time.offers
        await asyncio.gather(*(group._remember(each) for each in many))
    await asyncio.to_thread(write_servers, {each.name: {"command": TIME} for each in many})
    seen = await asyncio.to_thread(lambda: seen_tools(load_settings()))
    assert {tool.source for tool in seen} == {f"mcp:{each.name}" for each in many}


async def test_what_never_answers_fails_in_time_and_costs_nobody_else() -> None:
    async with servers(a=hostile("hangs", startTimeout=0.5), b={"command": TIME}) as group:
        hanging, good = group.servers
        assert (hanging.state, hanging.problem) == ("failed", "it did not say in time which tools it has")
        assert good.state == "ready"


async def test_what_cannot_be_started_says_why() -> None:
    described: dict[str, dict[str, Any]] = {
        "none": {"command": "no-such-program-anywhere"},
        "folder": {"command": "cat", "cwd": "/no/such/folder"},
        "ends": {"command": "sh", "args": ["-c", "echo the key is wrong >&2; exit 3"]},
        "variable": {"command": "cat", "args": ["${NOT_SET_ANYWHERE}"]},
        "down": {"url": "http://127.0.0.1:9/mcp"},
    }
    async with servers(**described) as group:
        problems = {each.name: each.problem for each in group.servers}
        assert {each.state for each in group.servers} == {"failed"}
    assert "no program 'no-such-program-anywhere'" in problems["none"]
    assert "no folder /no/such/folder" in problems["folder"]
    assert problems["ends"] == "its program ended with code 3: the key is wrong"
    assert "NOT_SET_ANYWHERE" in problems["variable"]
    assert problems["down"]


async def test_a_server_that_dies_fails_its_call_and_is_started_again() -> None:
    async with server("dies") as dying:
        with pytest.raises(LraError, match="ended with code 7: Traceback: the disk is full"):
            await ask(dying)
        await until(lambda: dying.state == "failed")
        assert dying.offers == {}
        with pytest.raises(LraError, match="is not running: its program ended with code 7"):
            await ask(dying)
        await until(lambda: dying.state == "ready")
        assert list(dying.offers) == ["mcp__s__echo"]


async def test_a_call_has_a_time_limit_and_the_server_goes_on() -> None:
    async with server("slow", timeout=0.3) as slow:
        with pytest.raises(LraError, match=r"did not answer within 0\.3 seconds"):
            await ask(slow)
        assert slow.state == "ready"


async def test_a_flood_ends_the_server() -> None:
    async with server("floods") as flooding:
        await until(lambda: flooding.state == "failed")
        assert flooding.problem == "it sent thousands of messages nobody asked for"


async def test_an_endless_message_ends_the_server() -> None:
    async with server("endless") as endless:
        with pytest.raises(LraError, match="a message of more than 8 MB"):
            await ask(endless)


async def test_greetings_on_standard_output_are_passed_over() -> None:
    async with server("greets") as greeting:
        assert greeting.state == "ready"
        assert await ask(greeting) == "hello"


async def test_lies_about_schemas_cost_the_tool_alone() -> None:
    async with server("lies") as lying:
        assert lying.state == "ready"
        assert [offer.own_name for offer in lying.offers.values()][:4] == ["echo", "either", "write_memory", LONG]
        assert all(len(name) <= 64 and name.startswith("mcp__s__") for name in lying.offers)
        assert "anyOf" not in lying.offers["mcp__s__either"].schema
        assert len(lying.offers["mcp__s__reader"].description) == 4_000
        assert lying.offers["mcp__s__reader"].reads_only
        notes = " ".join(lying.notes)
        for name in ("misspelt", "deep", "nowhere", "outside", "huge", "odd", "echo"):
            assert f"Its tool '{name}' is left out: " in notes
        assert "\x1b" not in notes
        assert await ask(lying) == "hello"


async def test_a_list_that_is_against_the_protocol_costs_the_server() -> None:
    async with server("array") as lying:
        assert (lying.state, lying.problem) == ("failed", "it answered with what is no ListToolsResult")


LONG = "naïve tool/../../etc\x1b[31m " + "x" * 100


async def test_a_list_without_end_is_cut() -> None:
    async with server("pages") as endless:
        assert endless.state == "ready"
        assert 0 < len(endless.offers) <= 128


async def test_a_huge_result_is_cut() -> None:
    async with server("big") as big:
        text = await ask(big)
        assert MOST_CHARACTERS < len(text) < MOST_CHARACTERS + 100
        assert "characters left out" in text


async def test_keys_reach_a_server_only_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-you")
    monkeypatch.setenv("CITY_TOKEN", "for-you")
    async with server("environment", env={"TOKEN": "${CITY_TOKEN}", "MODE": "${MODE:-fast}"}) as curious:
        seen = await ask(curious)
    assert "sk-not-for-you" not in seen
    assert '"TOKEN": "for-you"' in seen
    assert '"MODE": "fast"' in seen
    assert '"PATH"' in seen


async def test_nonsense_and_requests_of_its_own_are_answered_with_a_sentence() -> None:
    async with server("broken") as broken:
        with pytest.raises(LraError, match=r"^The MCP server s failed: it answered with what is no "):
            await ask(broken)
    async with server("asks") as asking:
        assert await ask(asking) == "hello"


async def test_progress_is_told() -> None:
    told: list[str] = []
    async with server("progress") as working:
        await working.call("echo", {"text": ""}, told.append)
        await until(lambda: told)
    assert told == ["half of it"]


async def test_nothing_of_a_stubborn_server_stays(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with server("stubborn", str(pids)) as stubborn:
        assert stubborn.state == "ready"
        started = [int(pid) for pid in pids.read_text().split()]
        assert all(alive(pid) for pid in started)
    await until(lambda: not any(alive(pid) for pid in started))


async def test_ending_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    group = await settled(s=hostile("stubborn", str(pids)))
    group.servers[0].start()
    await group.close()
    assert os.path.exists(pids)
    await until(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))
