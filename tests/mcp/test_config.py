"""Reading `mcp.json`: whose it is, what may be started, and what a mistake in it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lra.config import config_dir, load_settings
from lra.config.trust import trust
from lra.errors import ConfigError
from lra.tools.mcp import allowed
from lra.tools.mcp.config import Found, fill_in, find_servers, read_file
from tests.mcp.support import hostile, write_servers


def found(trusted: bool = True) -> Found:
    if trusted:
        trust(Path.cwd(), config_dir())
    return find_servers(load_settings())


def test_the_projects_server_stands_before_the_persons() -> None:
    write_servers({"a": {"command": "mine"}, "b": {"command": "other"}})
    write_servers({"a": {"command": "theirs"}}, Path("mcp.json"))
    write_servers({"c": {"url": "https://tools.example/mcp"}}, Path(".lra/mcp.json"))
    servers = {each.name: each for each in found().servers}
    assert {name: (each.where, each.level) for name, each in servers.items()} == {
        "a": ("theirs", "project"),
        "b": ("other", "user"),
        "c": ("https://tools.example/mcp", "project"),
    }


def test_a_folder_that_is_not_trusted_names_nothing() -> None:
    write_servers({"a": {"command": "mine"}})
    write_servers({"a": {"command": "theirs"}, "z": {"command": "theirs"}}, Path("mcp.json"))
    seen = found(trusted=False)
    assert [each.where for each in seen.servers] == ["mine"]
    assert "ignored until you trust this folder" in seen.problems[0]


def test_a_yes_is_for_what_was_shown_and_nothing_else() -> None:
    path = write_servers({"a": {"command": "tool", "args": ["--safe"]}}, Path("mcp.json"))
    write_servers({"own": {"command": "mine"}})
    servers = list(found().servers)
    assert allowed.needs_yes(servers) == {"a"}
    allowed.allow(next(each for each in servers if each.name == "a"))
    assert allowed.needs_yes(list(found().servers)) == set()
    for other in ({"args": ["--all"]}, {"args": ["--safe"], "env": {"X": "1"}}, {"args": ["--safe"], "cwd": ".."}):
        write_servers({"a": {"command": "tool", **other}}, path)
        assert allowed.needs_yes(list(found().servers)) == {"a"}
    write_servers({"a": {"command": "tool", "args": ["--safe"]}}, path)
    (again,) = [each for each in found().servers if each.name == "a"]
    assert allowed.needs_yes([again]) == set()
    assert allowed.withdraw(again)
    assert allowed.needs_yes([again]) == {"a"}
    assert (config_dir() / "mcp_allowed.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"command": 3}, "command has to be a text"),
        ({}, "either a command, or a url"),
        ({"command": "a", "url": "http://x"}, "either a command, or a url"),
        ({"command": "a", "args": "b"}, "args has to be a list of texts"),
        ({"command": "a", "env": {"A": 1}}, "env has to be an object of texts"),
        ({"command": "a", "timeout": -1}, "timeout has to be a number of seconds"),
        ({"command": "a", "timeot": 1}, "there is no setting 'timeot'"),
        ({"url": "ftp://x"}, "no http:// or https:// address"),
        ({"type": "sse", "url": "http://x"}, "type 'sse' is not known"),
        ("command", "has to be an object"),
    ],
)
def test_a_mistake_leaves_one_server_out_and_says_which(entry: Any, told: str) -> None:
    path = write_servers({"bad": entry, "good": {"command": "cat"}}, Path("mcp.json"))
    seen = found()
    assert [each.name for each in seen.servers] == ["good"]
    (problem,) = seen.problems
    assert problem.startswith(f"{path.absolute()}: the MCP server 'bad' is left out: ")
    assert told in problem


def test_files_of_other_programs_are_read_too() -> None:
    described = {
        "a": {"type": "stdio", "command": "cat", "autoApprove": ["*"], "description": "d"},
        "b": {"transport": "streamable-http", "url": "http://x.example/mcp"},
    }
    Path("mcp.json").write_text("\ufeff" + json.dumps({"servers": described}))
    seen = found()
    assert ([each.name for each in seen.servers], seen.problems) == (["a", "b"], ())


@pytest.mark.parametrize("name", ["", "a b", "a__b", "../x", "x" * 25, "-a", "a\x1b"])
def test_a_name_is_part_of_tools_names(name: str) -> None:
    write_servers({name: {"command": "cat"}}, Path("mcp.json"))
    assert found().servers == ()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mcpServers": []}', '{"mcpServers": 1', "\udcff", "[" * 100_000])
def test_a_file_that_is_none_says_so(text: str) -> None:
    Path("mcp.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"mcp\.json"):
        read_file(Path("mcp.json"), "user", Path.cwd())
    assert len(found().problems) == 1


def test_variables_are_filled_in_at_the_start_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    assert fill_in("Bearer ${TOKEN} ${MORE:-else} $TOKEN") == "Bearer s3cret else $TOKEN"
    with pytest.raises(ConfigError, match="MISSING"):
        fill_in("${MISSING}")
    write_servers({"a": {"url": "https://x.example", "headers": {"Authorization": "Bearer ${TOKEN}"}}})
    (server,) = found().servers
    assert "s3cret" not in repr(server) + " ".join(allowed.describe(server))


def lra(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lra", "mcp", *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def describe_two() -> None:
    """Name a server of the person that ends at once, and one of the folder that lies."""
    write_servers({"dies": {"command": "sh", "args": ["-c", "echo out of paper >&2; exit 3"]}})
    write_servers({"lies": hostile("lies")}, Path("mcp.json"))
    trust(Path.cwd(), config_dir())


def test_the_command_line_lists_and_checks() -> None:
    describe_two()
    listed = json.loads(lra("list", "--json").stdout)
    assert [(each["name"], each["state"]) for each in listed] == [("dies", "allowed"), ("lies", "not allowed yet")]
    checked = lra("check")
    assert checked.returncode == 69
    assert "dies: failed: its program ended with code 3: out of paper" in checked.stdout
    assert "lies: waiting: it waits for your yes: lra mcp allow lies" in checked.stdout
    assert "There is no MCP server 'nope'. Known are: dies, lies." in lra("check", "nope").stderr


def test_checking_says_what_is_wrong_with_the_file() -> None:
    write_servers({}).write_text('{"mcpServers": 1')
    checked = lra("check")
    assert checked.returncode == 3
    assert "mcp.json:1 is no JSON: Expecting ',' delimiter. Its MCP servers are left out." in checked.stderr


def test_the_command_line_allows_after_showing() -> None:
    describe_two()
    unasked = lra("allow", "lies")
    assert unasked.returncode == 4
    assert "runs on this machine, with all that you may do: " in unasked.stderr
    assert lra("allow", "lies", "--yes").stdout == "lies is allowed.\n"
    checked = lra("check", "lies")
    assert checked.returncode == 0
    assert "  mcp__lies__echo  Say it again." in checked.stdout
    assert "  ! Its tool 'deep' is left out: " in checked.stdout
    assert "mcp__lies__echo" in json.loads(lra("list", "--json").stdout)[1]["tools"]


def test_the_command_line_takes_a_yes_back() -> None:
    describe_two()
    (lies,) = [each for each in find_servers(load_settings()).servers if each.name == "lies"]
    allowed.allow(lies)
    assert lra("forbid", "lies").stdout == "lies is no longer allowed.\n"
    assert lra("forbid", "lies").stdout == "lies is not allowed anyway.\n"
    assert allowed.needs_yes([lies]) == {"lies"}
