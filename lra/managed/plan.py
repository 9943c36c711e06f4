"""What an agent is and where its tools work, as read from a configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lra.managed.config import CustomTool, ToolConfirmation
from lra.managed.selection import Selection

COMPUTE = ("docker", "local")
"""What can be attached to run tools in."""
SANDBOX_TYPES = ("auto", *COMPUTE, "none")
_NAME = re.compile(r"[^\w-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an agent's tools work."""

    compute: str | None = None
    """What was attached: `docker`, `local`, or nothing."""
    sandbox_type: str = "auto"
    packages: Mapping[str, list[str]]
    network: str = "none"
    """What code reaches: `none`, `limited` to the hosts, or `unrestricted`."""
    allowed_hosts: tuple[str, ...] = ()
    working_dir: str = ""
    """Inside the workspace; empty for the workspace itself."""
    env: Mapping[str, str]
    host_packages_ok: bool = False

    @property
    def kind(self) -> str:
        """Which sandbox it is: one of `SANDBOX_TYPES`."""
        return self.compute or self.sandbox_type

    def options(self) -> dict[str, Any]:
        """Return what its sandbox is made with."""
        packages = {"packages": {name: list(each) for name, each in self.packages.items()}} if self.compute else {}
        hosts = {"allowed_hosts": list(self.allowed_hosts)} if self.network == "limited" else {}
        return {"network": self.network, "env": dict(self.env), **packages, **hosts}

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; of the environment the names alone, since values may be secret."""
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "packages": {name: list(each) for name, each in self.packages.items()},
            "allowed_hosts": list(self.allowed_hosts),
            "env": sorted(self.env),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an agent is."""

    name: str
    model: str | None
    """`provider:model`, or None for what the settings choose."""
    system: str
    description: str
    tools: tuple[Any, ...]
    selection: Selection
    max_turns: int
    metadata: Mapping[str, Any]
    session_title: str
    on_tool_confirmation: ToolConfirmation | None
    on_custom_tool: CustomTool | None
    confirm_every: bool
    """Whether every call is confirmed that is not always allowed, and not only what has to be."""

    @property
    def slug(self) -> str:
        """Its name as listings of sessions have it."""
        name = _NAME.sub("-", self.name).strip("-_")[:52]
        return name if name[:1].isalpha() and name.isascii() and name != "lra" else f"managed-{name}".strip("-")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "model": self.model or "",
            "system": self.system,
            "description": self.description,
            "tools": [getattr(each, "__name__", each) if callable(each) else each for each in self.tools],
            "max_turns": self.max_turns,
            "metadata": dict(self.metadata),
        }
