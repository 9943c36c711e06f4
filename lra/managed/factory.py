"""`ManagedAgent`: a managed agent by the name of its provider."""

from __future__ import annotations

from difflib import get_close_matches
from inspect import signature
from typing import Any, Literal, overload

from lra.errors import UsageError
from lra.managed.hosted import HostedManagedAgent
from lra.managed.local import LocalManagedAgent
from lra.managed.plan import COMPUTE
from lra.text import one_line

_MODELS = {"openai": "openai:gpt-4o-mini", "gemini": "google:MODEL", "google": "google:MODEL", "ollama": "ollama:NAME"}


@overload
def ManagedAgent(provider: Literal["anthropic"], **options: Any) -> HostedManagedAgent: ...


@overload
def ManagedAgent(provider: str | None = None, **options: Any) -> LocalManagedAgent: ...


def ManagedAgent(provider: str | None = None, **options: Any) -> LocalManagedAgent | HostedManagedAgent:
    """Return a managed agent.

    Args:
        provider: `local`, the default, for one on this machine; `anthropic` for one that Anthropic hosts.
        **options: As for `LocalManagedAgent`: `config`, `compute`, `timeout`, `on_tool_confirmation`, `on_custom_tool`,
            `api_key`, `api_base` and `host`; or as for `HostedManagedAgent`.

    Raises:
        UsageError: There is no such provider, or the configuration is wrong.
    """
    if provider is None or provider == "local":
        _check(LocalManagedAgent, options)
        return LocalManagedAgent(**options)
    if provider == "anthropic":
        _check(HostedManagedAgent, options)
        return HostedManagedAgent(**options)
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
    raise UsageError(
        f"There is no provider {one_line(repr(provider), 40)} of managed agents here.",
        hint="There are 'local' and 'anthropic'; a backend of your own goes to Agent(backend=…) directly.",
    )


def _check(kind: type[Any], options: dict[str, Any]) -> None:
    known = [each for each in signature(kind).parameters if each != "provider"]
    if wrong := next((name for name in options if name not in known), None):
        close = get_close_matches(wrong, known, 1)
        hint = f"Is {close[0]!r} meant?" if close else f"Choose of {', '.join(known)}."
        raise UsageError(f"ManagedAgent has no option {wrong!r} here.", hint=hint)
