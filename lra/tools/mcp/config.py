"""Which MCP servers there are: the person's `mcp.json` and the project's."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from lra.config import Settings, config_dir
from lra.errors import ConfigError

FILE = "mcp.json"
_MOST_BYTES = 1_000_000
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[-_](?![-_])){0,23}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_KEYS = {"command", "args", "env", "cwd", "type", "url", "headers", "disabled", "timeout", "startTimeout", "tools"}

_OTHERS = {"description", "name", "transport", "autoApprove", "alwaysAllow", "icon"}
"""Settings of other programs that read such files; what they would allow is asked about here all the same."""

Level = Literal["user", "project", "agent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """One server as its file describes it; variables such as `${TOKEN}` are not filled in yet."""

    name: str
    level: Level
    path: Path
    """The file it stands in."""
    folder: Path
    """Where it is started."""
    command: str = ""
    """The program of a server that is started here; empty for one that is reached over HTTP."""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    """Seconds that one call may take."""
    start_timeout: float = 20.0
    """Seconds until it has to have said which tools it has."""
    tools: tuple[str, ...] | None = None
    """The tools to offer, by the server's own names; None for all."""
    disabled: bool = False

    @property
    def where(self) -> str:
        """The command or the address, as it stands in the file."""
        return self.url or " ".join([self.command, *self.args])

    @property
    def fingerprint(self) -> str:
        """What a person's yes is for; another command, address or environment needs another yes."""
        said = [
            self.command,
            self.args,
            str(self.folder),
            sorted(self.env.items()),
            self.url,
            sorted(self.headers.items()),
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """What the files say."""

    servers: tuple[ServerConfig, ...] = ()
    problems: tuple[str, ...] = ()
    """Sentences about what was left out."""


def user_file() -> Path:
    """Return the person's own file, which may not be there."""
    return config_dir() / FILE


def find_servers(settings: Settings, agent_folder: Path | None = None) -> Found:
    """Read the files; blocks. A server of the project stands before one of the same name of the person.

    Args:
        settings: Which folder the project is, and whether it is trusted.
        agent_folder: Folder of a person's own agent, whose `mcp.json` counts too.
    """
    servers: dict[str, ServerConfig] = {}
    problems: list[str] = []
    places: list[tuple[Path, Level, Path]] = [(user_file(), "user", settings.folder)]
    places += [(path, "project", settings.folder) for path in project_files(settings.folder)]
    if agent_folder is not None and agent_folder / FILE not in [path for path, _, _ in places]:
        places.append((agent_folder / FILE, "agent", agent_folder))
    for path, level, folder in places:
        if not path.is_file():
            continue
        if level == "project" and not settings.trusted:
            problems.append(f"{path} names MCP servers: ignored until you trust this folder (run `lra init --trust`).")
            continue
        try:
            found = read_file(path, level, folder)
        except ConfigError as error:
            problems.append(str(error))
            continue
        for server in found:
            if isinstance(server, ServerConfig):
                servers[server.name] = server
            else:
                problems.append(server)
    return Found(tuple(servers.values()), tuple(problems))


def project_files(folder: Path) -> list[Path]:
    """Return where a project's file may be; the later counts more."""
    return [folder / FILE, folder / ".lra" / FILE]


def read_file(path: Path, level: Level, folder: Path) -> list[ServerConfig | str]:
    """Return the servers of a file; a sentence in the place of one that cannot be used.

    Args:
        path: The file.
        level: Whose it is.
        folder: Where its servers are started.

    Raises:
        ConfigError: It cannot be read at all.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} is larger than a list of MCP servers can be.")
        parsed = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        place = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        told = error.msg if isinstance(error, json.JSONDecodeError) else "it is no UTF-8 text"
        raise ConfigError(f"{path}{place} is no JSON: {told}.", hint="Its MCP servers are left out.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Its MCP servers are left out.") from None
    listed = parsed.get("mcpServers", parsed.get("servers")) if isinstance(parsed, dict) else None
    if not isinstance(listed, dict):
        hint = 'Write {"mcpServers": {"NAME": {"command": "…", "args": []}}}.'
        raise ConfigError(f"{path} has no object mcpServers.", hint=hint)
    found: list[ServerConfig | str] = []
    for name, entry in listed.items():
        try:
            found.append(_server(str(name), entry, path, level, folder))
        except ValueError as error:
            found.append(f"{path}: the MCP server {str(name)[:40]!r} is left out: {error}.")
    return found


def _server(name: str, entry: Any, path: Path, level: Level, folder: Path) -> ServerConfig:
    if not _NAME.fullmatch(name):
        raise ValueError("a name is 1 to 24 letters, digits, and single - or _ between them")
    if not isinstance(entry, dict):
        raise ValueError("its description has to be an object")
    if unknown := sorted(set(map(str, entry)) - _KEYS - _OTHERS):
        raise ValueError(f"there is no setting {unknown[0]!r}; the settings are {', '.join(sorted(_KEYS))}")
    kind = entry.get("type", entry.get("transport", "http" if "url" in entry else "stdio"))
    if kind not in ("stdio", "http", "streamable-http", "streamableHttp"):
        raise ValueError(f"type {kind!r} is not known; stdio and http are")
    command, url = _text(entry, "command"), _text(entry, "url")
    if command.startswith("~"):
        command = str(Path(command).expanduser())
    if bool(command) == bool(url) or (kind == "stdio") != bool(command):
        raise ValueError("it needs either a command, or a url of type http")
    if url and not _variables(url) and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        raise ValueError("its url is no http:// or https:// address")
    return ServerConfig(
        name=name,
        level=level,
        path=path,
        folder=(folder / Path(_text(entry, "cwd") or ".").expanduser()).absolute(),
        command=command,
        args=_texts(entry, "args") or (),
        env=_mapping(entry, "env"),
        url=url,
        headers=_mapping(entry, "headers"),
        timeout=_seconds(entry, "timeout", 60.0),
        start_timeout=_seconds(entry, "startTimeout", 20.0),
        tools=_texts(entry, "tools"),
        disabled=entry.get("disabled") is True,
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"{key} has to be a text")
    return value.strip()


def _texts(entry: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) and "\0" not in each for each in value):
        raise ValueError(f"{key} has to be a list of texts")
    return tuple(value)


def _mapping(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    value = entry.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(each, str) and "\0" not in each for each in value.values()):
        raise ValueError(f"{key} has to be an object of texts")
    return {str(name): text for name, text in value.items()}


def _seconds(entry: Mapping[str, Any], key: str, default: float) -> float:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
        raise ValueError(f"{key} has to be a number of seconds, at most 3600")
    return float(value)


def _variables(text: str) -> list[str]:
    return [found.group(1) for found in _VARIABLE.finditer(text)]


def fill_in(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Return a text with `${NAME}` and `${NAME:-otherwise}` replaced.

    Raises:
        ConfigError: A variable is not set.
    """
    environ = os.environ if environ is None else environ

    def value(found: re.Match[str]) -> str:
        name, otherwise = found.group(1), found.group(2)
        text = environ.get(name) or otherwise
        if text is None:
            raise ConfigError(f"it needs the environment variable {name}, which is not set")
        return text

    return _VARIABLE.sub(value, text)
