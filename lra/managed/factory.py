"""`ManagedAgent`: a managed agent by the name of its provider."""

from __future__ import annotations

from difflib import get_close_matches
from inspect import signature
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
    known = [each for each in signature(LocalManagedAgent).parameters if each != "provider"]
    if wrong := next((name for name in options if name not in known), None):
        close = get_close_matches(wrong, known, 1)
        hint = f"Is {close[0]!r} meant?" if close else f"Choose of {', '.join(known)}."
        raise UsageError(f"ManagedAgent has no option {wrong!r}.", hint=hint)
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
