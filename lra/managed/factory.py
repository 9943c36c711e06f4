"""`ManagedAgent`: a managed agent by the name of its provider."""

from __future__ import annotations

from typing import Any

from lra.errors import UsageError
from lra.managed.local import LocalManagedAgent
from lra.managed.plan import COMPUTE
from lra.text import one_line

_HOSTED = ("anthropic",)
_MODELS = {"openai": "openai:gpt-4o-mini", "gemini": "google:MODEL", "google": "google:MODEL", "ollama": "ollama:NAME"}


def ManagedAgent(provider: str | None = None, **options: Any) -> LocalManagedAgent:
    """Return a managed agent.

    Args:
        provider: `local`, the default.
        **options: As for `LocalManagedAgent`: `config`, `compute`, `timeout`, `on_tool_confirmation`, `on_custom_tool`,
            `api_key`, `api_base` and `host`.

    Raises:
        UsageError: There is no such provider, or the configuration is wrong.
    """
    if provider is None or provider == "local":
        return LocalManagedAgent(**options)
    if provider in COMPUTE:
        raise UsageError(
            f"{provider!r} is no provider of agents but what their tools run in.",
            hint=f"Write ManagedAgent(provider='local', compute={provider!r}).",
        )
    if provider in _MODELS:
        raise UsageError(
            f"{provider!r} is no provider of agents but of models.",
            hint=f"Write ManagedAgent(provider='local', config=ManagedConfig(model={_MODELS[provider]!r})).",
        )
    what = f"There is no provider {one_line(repr(provider), 40)} of managed agents here."
    if provider in _HOSTED:
        what = f"Agents that {provider} itself hosts cannot be reached from here."
    raise UsageError(
        what, hint="There is 'local', for any model; a backend of your own goes to Agent(backend=…) directly."
    )
