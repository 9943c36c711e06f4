"""Managed agents: an agent with its environment and its sessions, behind one object."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lra.managed.agent import Agent
    from lra.managed.anthropic_runtime import AnthropicManagedAgent
    from lra.managed.config import LocalManagedConfig, ManagedConfig, NetworkingConfig, NetworkingType, PackagesConfig
    from lra.managed.errors import ManagedSandboxRequired
    from lra.managed.factory import ManagedAgent
    from lra.managed.host import Host
    from lra.managed.hosted import HostedManagedAgent
    from lra.managed.local import LocalManagedAgent
    from lra.managed.protocols import ManagedBackendProtocol, ManagedRuntimeProtocol
    from lra.managed.runtime import LocalManagedRuntime
    from lra.managed.session_info import SessionInfo

__all__ = [
    "Agent",
    "AnthropicManagedAgent",
    "Host",
    "HostedManagedAgent",
    "LocalManagedAgent",
    "LocalManagedConfig",
    "LocalManagedRuntime",
    "ManagedAgent",
    "ManagedBackendProtocol",
    "ManagedConfig",
    "ManagedRuntimeProtocol",
    "ManagedSandboxRequired",
    "NetworkingConfig",
    "NetworkingType",
    "PackagesConfig",
    "SessionInfo",
]

_HOME = {
    "Agent": "agent",
    "AnthropicManagedAgent": "anthropic_runtime",
    "Host": "host",
    "HostedManagedAgent": "hosted",
    "LocalManagedAgent": "local",
    "LocalManagedConfig": "config",
    "LocalManagedRuntime": "runtime",
    "ManagedAgent": "factory",
    "ManagedBackendProtocol": "protocols",
    "ManagedConfig": "config",
    "ManagedRuntimeProtocol": "protocols",
    "ManagedSandboxRequired": "errors",
    "NetworkingConfig": "config",
    "NetworkingType": "config",
    "PackagesConfig": "config",
    "SessionInfo": "session_info",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"lra.managed.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
