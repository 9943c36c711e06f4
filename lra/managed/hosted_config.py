"""A configuration as Anthropic's service takes it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lra.errors import UsageError
from lra.managed.config import TOOLSET, AnyConfig, LocalManagedConfig, ManagedConfig, NetworkingConfig, PackagesConfig
from lra.managed.selection import select
from lra.text import one_line

_NAMES: Mapping[str, str] = {
    "execute_command": "bash",
    "read_file": "read",
    "write_file": "write",
    "edit_file": "edit",
    "list_files": "glob",
    "find_files": "glob",
    "search_files": "grep",
    "web_fetch": "web_fetch",
    "web_search": "web_search",
}
"""Tools of the toolset there, by their names here."""


def hosted_config(config: AnyConfig) -> ManagedConfig:
    """Return a configuration that can be used there.

    Args:
        config: The configuration; None for the defaults.

    Raises:
        UsageError: It has what only an agent on this machine has.
    """
    if config is None:
        config = ManagedConfig()
    if isinstance(config, Mapping):
        config = ManagedConfig(**config)
    if isinstance(config, LocalManagedConfig):
        raise UsageError(
            "An agent that is hosted takes a ManagedConfig.", hint="A LocalManagedConfig is for provider='local'."
        )
    given: object = config
    if not isinstance(given, ManagedConfig):
        raise UsageError(f"{one_line(repr(given), 60)} is no configuration.", hint="Give a ManagedConfig or a dict.")
    if config.callable_agents:
        raise UsageError("callable_agents cannot be used.", hint="Leave them out.")
    agent_params(config)
    environment_params(config)
    return config


def agent_params(config: ManagedConfig) -> dict[str, Any]:
    """Return what an agent is made of.

    Raises:
        UsageError: The model or a tool is none of the service.
    """
    model = (config.model or ManagedConfig().model or "").removeprefix("anthropic:").removeprefix("anthropic/")
    if ":" in model or not model.startswith("claude-"):
        raise UsageError(f"{model!r} is no model of Anthropic's.", hint="For another model use provider='local'.")
    params = {
        "name": config.name,
        "model": model,
        "system": config.system,
        "tools": _tools(config.tools),
        "description": config.description,
        "mcp_servers": config.mcp_servers,
        "skills": config.skills,
        "metadata": config.metadata,
    }
    return {name: value for name, value in params.items() if value or name in {"name", "model", "tools"}}


def _tools(tools: list[Any]) -> list[dict[str, Any]]:
    names = [each for each in tools if isinstance(each, str)]
    others = [dict(each) for each in tools if isinstance(each, Mapping)]
    if len(names) + len(others) != len(tools):
        raise UsageError("A function is no tool of an agent that is hosted.", hint="Describe it as a custom tool.")
    known = [each for each in others if str(each.get("type", "")).startswith(("agent_toolset_", "custom"))]
    selection = select([*names, *known])
    if not names:
        return others
    if missing := sorted(name for name in select(names).names if name not in _NAMES):
        raise UsageError(
            f"There is no tool {missing[0]!r} where agents are hosted.", hint=f"Choose of {', '.join(_NAMES)}."
        )
    wanted = dict.fromkeys(_NAMES[name] for name in selection.policies)
    configs = [{"name": name, "enabled": True} for name in wanted]
    return [{"type": TOOLSET, "default_config": {"enabled": False}, "configs": configs}, *others]


def environment_params(config: ManagedConfig) -> dict[str, Any]:
    """Return what an environment is made of.

    Raises:
        UsageError: Its packages or its networking make no sense.
    """
    packages, networking = config.packages, config.networking
    if isinstance(packages, Mapping):
        packages = PackagesConfig(**_lists(packages))
    if isinstance(networking, Mapping):
        networking = NetworkingConfig(**networking)
    if networking.type not in {"limited", "unrestricted"}:
        raise UsageError(
            f"The type of networking is no {networking.type!r}.", hint="Choose of limited and unrestricted."
        )
    network: dict[str, Any] = {"type": str(networking.type)}
    if network["type"] == "limited":
        network |= {each.name: getattr(networking, each.name) for each in fields(networking) if each.name != "type"}
        network["allowed_hosts"] = list(networking.allowed_hosts or ())
    elif networking.allowed_hosts:
        raise UsageError("allowed_hosts go with networking of type 'limited'.")
    wanted = {"packages": packages.to_dict()} if packages is not None and packages.to_dict() else {}
    # Names are unique there.
    name = config.env_name or f"lra-{secrets.token_hex(6)}"
    return {"name": name, "config": {"type": "cloud", "networking": network, **wanted}}


def _lists(packages: Mapping[str, Any]) -> dict[str, Any]:
    for manager, names in packages.items():
        if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
            raise UsageError(f"packages of {manager} are a list of names.")
    return {manager: list(names) for manager, names in packages.items()}
