"""Reading a configuration: every field is checked, and what cannot be had here is told."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lra.errors import UsageError
from lra.managed.box_tools import WORKSPACE
from lra.managed.config import (
    AnyConfig,
    CustomTool,
    LocalManagedConfig,
    ManagedConfig,
    NetworkingConfig,
    PackagesConfig,
    ToolConfirmation,
    check_fields,
)
from lra.managed.models import model_string
from lra.managed.plan import COMPUTE, SANDBOX_TYPES, Place, Plan
from lra.managed.selection import select
from lra.text import one_line

_MANAGERS = ("pip", "npm", "apt")
_ELSEWHERE = ("e2b", "modal", "daytona", "flyio", "fly", "tenki", "novita", "sandlock", "ssh")
_NOT_HERE = ("mcp_servers", "skills", "callable_agents", "resources", "vault_ids")


def read_config(
    config: AnyConfig,
    compute: str | None = None,
    *,
    on_tool_confirmation: ToolConfirmation | None = None,
    on_custom_tool: CustomTool | None = None,
) -> tuple[Plan, Place]:
    """Read a configuration.

    Args:
        config: The configuration, as an object or a dict; None for the defaults and the settings' model.
        compute: What is attached to run tools in.
        on_tool_confirmation: Asked before calls; the configuration's own by default.
        on_custom_tool: Runs custom tools; the configuration's own by default.

    Raises:
        UsageError: Something in it is wrong, or cannot be had here.
    """
    given = _values(config)
    for name in _NOT_HERE:
        if given.get(name):
            raise UsageError(f"An agent that runs here takes no {name}.", hint="Leave it out.")
    packages, networking = _packages(given["packages"]), _networking(given["networking"])
    if packages and not networking.allow_package_managers:
        raise UsageError(
            f"{_listed(packages)} cannot be installed while networking has allow_package_managers off.",
            hint="Leave one of the two out.",
        )
    compute = _compute(compute)
    sandbox_type = _one_of("sandbox_type", given.get("sandbox_type", "auto"), SANDBOX_TYPES)
    hosts = tuple(networking.allowed_hosts or ())
    limited = networking.type == "limited"
    place = Place(
        compute=compute,
        sandbox_type=sandbox_type,
        packages=packages,
        # Who attaches Docker has said where code may be let out; elsewhere it reaches what is named.
        network=("limited" if hosts else "none") if limited else "unrestricted" if compute == "docker" else "none",
        allowed_hosts=hosts if limited else (),
        working_dir=_working_dir(given.get("working_dir", "")),
        env=_texts("env", given.get("env", {})),
        host_packages_ok=_of(bool, "host_packages_ok", given.get("host_packages_ok", False)),
    )
    turns = given.get("max_turns", 25)
    if isinstance(turns, bool) or not isinstance(turns, int) or turns < 1:
        raise UsageError("max_turns is a number above 0.")
    tools = given["tools"]
    model = given["model"]
    confirmation = on_tool_confirmation or given.get("on_tool_confirmation")
    plan = Plan(
        name=_of(str, "name", given["name"]).strip() or "Agent",
        model=model_string(_of(str, "model", model or "")) or None,
        system=_of(str, "system", given["system"]),
        description=_of(str, "description", given.get("description", "")),
        selection=select(tools),
        tools=tuple(tools),
        max_turns=turns,
        metadata=_of(dict, "metadata", given["metadata"]),
        session_title=_of(str, "session_title", given["session_title"]),
        on_tool_confirmation=confirmation,
        on_custom_tool=on_custom_tool or given.get("on_custom_tool"),
        confirm_every=confirmation is not None,
    )
    if plan.selection.custom and plan.on_custom_tool is None:
        raise UsageError(
            f"The tool {plan.selection.custom[0].name!r} is a custom one, and nothing runs it.",
            hint="Give on_custom_tool, a function of the tool's name and its input.",
        )
    return plan, place


def _values(config: AnyConfig) -> dict[str, Any]:
    if config is None:
        config = LocalManagedConfig(model=None)
    if isinstance(config, Mapping):
        names = {each.name for each in fields(LocalManagedConfig)}
        kind = LocalManagedConfig if names.issuperset(config) else ManagedConfig
        known = names | {each.name for each in fields(ManagedConfig)}
        if not known.issuperset(config):
            check_fields(LocalManagedConfig, {name: None for name in config if name not in known})
        if kind is ManagedConfig and (clash := sorted(set(config) - {each.name for each in fields(ManagedConfig)})):
            raise UsageError(f"{', '.join(clash)} goes with no other fields than those of LocalManagedConfig.")
        config = kind(**{"model": None, **config})
    if not isinstance(config, ManagedConfig | LocalManagedConfig):
        raise UsageError(
            f"{one_line(repr(config), 60)} is no configuration.",
            hint="Give a ManagedConfig, a LocalManagedConfig or a dict.",
        )
    return {each.name: getattr(config, each.name) for each in fields(config)}


def _packages(value: object) -> dict[str, list[str]]:
    if value is None:
        return {}
    if isinstance(value, PackagesConfig):
        value = value.to_dict()
    if not isinstance(value, Mapping):
        raise UsageError("packages are lists of names by package manager.", hint='For example {"pip": ["pandas"]}.')
    packages: dict[str, list[str]] = {}
    for manager, names in value.items():
        if manager not in _MANAGERS:
            raise UsageError(
                f"There is no package manager {manager!r} here.", hint=f"Choose of {', '.join(_MANAGERS)}."
            )
        if not isinstance(names, list | tuple) or not all(isinstance(each, str) for each in names):
            raise UsageError(
                f"packages of {manager} are a list of names.", hint=f'For example {{"{manager}": ["NAME"]}}.'
            )
        if names:
            packages[manager] = list(names)
    return packages


def _listed(packages: Mapping[str, list[str]]) -> str:
    return ", ".join(name for names in packages.values() for name in names)


def _networking(value: object) -> NetworkingConfig:
    if isinstance(value, Mapping):
        value = NetworkingConfig(**value)
    if not isinstance(value, NetworkingConfig):
        raise UsageError("networking is a dict or a NetworkingConfig.", hint='For example {"type": "limited"}.')
    _one_of("The type of networking", str(value.type), ("limited", "unrestricted"))
    hosts: object = value.allowed_hosts
    if hosts is not None and (not isinstance(hosts, list | tuple) or not all(isinstance(each, str) for each in hosts)):
        raise UsageError("allowed_hosts are a list of names.", hint='For example ["api.example.com"].')
    if hosts and value.type != "limited":
        raise UsageError("allowed_hosts go with networking of type 'limited'.")
    return value


def _compute(name: object) -> str | None:
    if name is None or name in COMPUTE:
        return str(name) if name else None
    if name in _ELSEWHERE:
        raise UsageError(
            f"compute={name!r} is a service of somebody else's that lra does not speak to.",
            hint="Use compute='docker' or compute='local', or a sandbox service of your own with SANDBOX_URL.",
        )
    raise UsageError(
        f"There is no compute provider {one_line(repr(name), 40)}.", hint="There are 'docker' and 'local'."
    )


def _working_dir(path: object) -> str:
    folder = _of(str, "working_dir", path)
    if folder.startswith("/"):
        if folder != WORKSPACE and not folder.startswith(f"{WORKSPACE}/"):
            raise UsageError(
                f"working_dir {folder!r} is outside the sandbox's {WORKSPACE}.", hint="Name a folder in it."
            )
        folder = folder.removeprefix(WORKSPACE).lstrip("/")
    folder = posixpath.normpath(folder) if folder else ""
    if folder.startswith("..") or "\0" in folder:
        raise UsageError(f"working_dir {folder!r} leaves the sandbox's {WORKSPACE}.", hint="Name a folder in it.")
    return "" if folder == "." else folder


def _texts(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise UsageError(f"{name} is a dict of texts.", hint=f'For example {name}={{"MODE": "test"}}.')
    return dict(value)


def _one_of(what: str, value: object, choices: tuple[str, ...]) -> str:
    if value == "subprocess":
        raise UsageError(
            f"{what} 'subprocess' would run code on this machine itself, which lra never does.",
            hint="Use 'auto', 'docker' or 'local'.",
        )
    if value not in choices:
        raise UsageError(f"{what} is no {one_line(repr(value), 40)}.", hint=f"Choose of {', '.join(choices)}.")
    return str(value)


def _of(kind: type[Any], name: str, value: object) -> Any:
    if not isinstance(value, kind):
        what = {str: "a text", bool: "True or False", dict: "a dict"}[kind]
        raise UsageError(f"{name} is {what}, not {one_line(repr(value), 40)}.")
    return value
