"""The person's yes to servers of a project: kept with their own configuration, out of the project's reach."""

from __future__ import annotations

import json
from pathlib import Path

from lra.config import config_dir
from lra.store.whole_file import replace_file
from lra.tools.mcp.config import ServerConfig


def _file() -> Path:
    return config_dir() / "mcp_allowed.json"


def _read() -> dict[str, str]:
    try:
        known = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in known.items()} if isinstance(known, dict) else {}


def _key(server: ServerConfig) -> str:
    return f"{server.path}#{server.name}"


def needs_yes(servers: list[ServerConfig]) -> set[str]:
    """Return the names of those a person has to allow before they start; blocks.

    The servers a person wrote into their own file, or into the agent they run, need none.
    """
    known = _read()
    return {each.name for each in servers if each.level == "project" and known.get(_key(each)) != each.fingerprint}


def allow(server: ServerConfig) -> None:
    """Keep the person's yes to a server as it is described now; blocks."""
    path = _file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    known = _read() | {_key(server): server.fingerprint}
    replace_file(path, json.dumps(known, indent=1).encode())


def withdraw(server: ServerConfig) -> bool:
    """Take a yes back; returns whether there was one. Blocks."""
    known = _read()
    if _key(server) not in known:
        return False
    del known[_key(server)]
    replace_file(_file(), json.dumps(known, indent=1).encode())
    return True


def describe(server: ServerConfig) -> list[str]:
    """Return what a person has to know before they allow a server."""
    lines = [f"{server.name}, from {server.path}:"]
    if server.command:
        lines.append(f"  runs on this machine, with all that you may do: {server.where}")
        lines.append(f"  in {server.folder}")
    else:
        lines.append(f"  gets what the model sends to it at: {server.where}")
    named = [f"{key}={value}" for key, value in (*server.env.items(), *server.headers.items())]
    if named:
        lines.append(f"  is given: {', '.join(named)}")
    return lines
