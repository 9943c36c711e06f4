"""What a managed agent is configured with; plain values, checked when an agent is made of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Self

from lra.errors import UsageError

SYSTEM = "You are a helpful coding assistant."
TOOLSET = "agent_toolset_20260401"
DEFAULT_TOOLS = ("execute_command", "read_file", "write_file", "list_files", "search_web")

ToolConfirmation = Callable[[dict[str, Any]], bool | str | Awaitable[bool | str]]
"""Asked before a call with `tool_name`, `input` and `reason`: True, or False or a reason for no."""
CustomTool = Callable[[str, dict[str, Any]], Any]
"""Called with the name of a custom tool and its input; may be asynchronous."""


class _Checked:
    """A configuration whose misspelled fields are told in a sentence."""

    def __new__(cls, *args: Any, **given: Any) -> Self:
        """Refuse fields that are not there."""
        check_fields(cls, given)
        return super().__new__(cls)


def check_fields(kind: type[Any], given: Mapping[str, Any]) -> None:
    """Refuse names that are no fields of a configuration.

    Args:
        kind: The configuration.
        given: Values by name.

    Raises:
        UsageError: One of them is none.
    """
    known = [each.name for each in fields(kind)]
    for name in given:
        if name not in known:
            close = get_close_matches(str(name), known, 1)
            raise UsageError(
                f"{kind.__name__} has no field {name!r}.",
                hint=f"Is {close[0]!r} meant?" if close else f"Choose of {', '.join(known)}.",
            )


class NetworkingType(StrEnum):
    """How far code in a sandbox reaches."""

    UNRESTRICTED = "unrestricted"
    LIMITED = "limited"


@dataclass(kw_only=True)
class NetworkingConfig(_Checked):
    """How far code in a sandbox reaches."""

    type: str = NetworkingType.UNRESTRICTED
    """`limited` to `allowed_hosts`, or `unrestricted`."""
    allowed_hosts: list[str] | None = None
    """With `limited`: `api.example.com` or `*.example.com`; none when empty."""
    allow_mcp_servers: bool = True
    """Whether servers of tools may be reached, which the local provider has none of."""
    allow_package_managers: bool = True
    """Whether `packages` may be fetched when the sandbox is made."""


@dataclass(kw_only=True)
class PackagesConfig(_Checked):
    """Packages by package manager."""

    pip: list[str] | None = None
    npm: list[str] | None = None
    apt: list[str] | None = None
    cargo: list[str] | None = None
    gem: list[str] | None = None
    go: list[str] | None = None

    def to_dict(self) -> dict[str, list[str]]:
        """Return the managers that have any."""
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        return {manager: names for manager, names in every.items() if names}


@dataclass(kw_only=True)
class ManagedConfig(_Checked):
    """An agent, its environment and its session, whatever the provider."""

    name: str = "Agent"
    """What it is called."""
    model: str | None = "claude-haiku-4-5"
    """Who answers: `provider:model`, a well-known name such as `gpt-4o-mini`, or `offline`; None: what settings say."""
    system: str = SYSTEM
    """What it is told."""
    description: str = ""
    tools: list[Any] = field(default_factory=lambda: [{"type": TOOLSET}])
    """Names of tools, toolsets (`{"type": "agent_toolset_20260401"}`) and custom tools (`{"type": "custom", …}`)."""
    mcp_servers: list[dict[str, Any]] = field(default_factory=list)
    skills: list[dict[str, Any]] = field(default_factory=list)
    callable_agents: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    """Yours; kept with the agent."""
    env_name: str = ""
    packages: Mapping[str, list[str]] | PackagesConfig | None = None
    """What is installed in the sandbox: `{"pip": ["pandas"]}`."""
    networking: Mapping[str, Any] | NetworkingConfig = field(default_factory=NetworkingConfig)
    """How far code in the sandbox reaches."""
    session_title: str = ""
    """Title of new sessions; by default made of the first message."""
    resources: list[dict[str, Any]] = field(default_factory=list)
    vault_ids: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class LocalManagedConfig(_Checked):
    """An agent that runs here, with what only a local one can have."""

    name: str = "Agent"
    """What it is called."""
    model: str | None = "gpt-4o"
    """Who answers: `provider:model`, a well-known name such as `gpt-4o-mini`, or `offline`; None: what settings say."""
    system: str = SYSTEM
    """What it is told."""
    tools: list[Any] = field(default_factory=lambda: list(DEFAULT_TOOLS))
    """As of `ManagedConfig`."""
    max_turns: int = 25
    """Requests to the model in one turn."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Yours; kept with the agent."""
    sandbox_type: str = "auto"
    """Where tools run when no compute is attached: `auto`, `docker`, `local`, or `none` for no tools that run code."""
    working_dir: str = ""
    """Working directory inside the sandbox."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment variables of code in the sandbox."""
    packages: Mapping[str, list[str]] | PackagesConfig | None = None
    """What is installed in the sandbox: `{"pip": ["pandas"]}`."""
    networking: Mapping[str, Any] | NetworkingConfig = field(default_factory=lambda: {"type": "unrestricted"})
    """How far code in the sandbox reaches."""
    host_packages_ok: bool = False
    """Whether Python packages may be installed on this machine when no compute is attached."""
    session_title: str = ""
    """Title of new sessions; by default made of the first message."""
    on_tool_confirmation: ToolConfirmation | None = field(default=None, repr=False)
    """Asked before every call of a tool that is not always allowed."""
    on_custom_tool: CustomTool | None = field(default=None, repr=False)
    """Runs the custom tools."""


AnyConfig = ManagedConfig | LocalManagedConfig | Mapping[str, Any] | None
"""What an agent can be configured with; None is a local configuration whose model the settings choose."""
