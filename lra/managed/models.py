"""Well-known names of models, with and without their provider."""

from __future__ import annotations

from dataclasses import replace

from lra.agent.names import OFFLINE
from lra.config import PROVIDER_KEYS, PROVIDER_URLS, Settings, Source, Value
from lra.config.providers import family
from lra.errors import UsageError

_MAKERS = {
    "gpt-": "openai",
    "chatgpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude-": "anthropic",
    "gemini-": "google",
    "mistral-": "mistral",
    "deepseek-": "deepseek",
    "grok-": "xai",
    "command-": "cohere",
}
_OTHER_NAMES = {"gemini": "google", "google_ai": "google", "vertex_ai": "google", "cohere_chat": "cohere"}


def model_string(name: str) -> str:
    """Return a model's name with its provider; what is not known stays as it is.

    Args:
        name: `provider:model`, `provider/model`, or a name that only one provider gives.
    """
    name = name.strip()
    if name == OFFLINE or ":" in name.partition("/")[0]:
        return name
    provider, slash, model = name.partition("/")
    if slash:
        provider = _OTHER_NAMES.get(provider, provider)
        return f"{provider}:{model}" if provider in PROVIDER_KEYS or provider == "ollama" else name
    maker = next((maker for start, maker in _MAKERS.items() if name.startswith(start)), None)
    return f"{maker}:{name}" if maker else name


def with_access(settings: Settings, model: str | None, key: str | None, url: str | None) -> Settings:
    """Return settings in which a model is asked with another key or at another address.

    Args:
        settings: The settings.
        model: `provider:model`.
        key: The key.
        url: The address.

    Raises:
        UsageError: The provider has none of the two, or no model is named.
    """
    if key is None and url is None:
        return settings
    provider = family((model or "").partition(":")[0])
    raw = dict(settings.raw)
    for what, value, name in (
        ("api_key", key, next(iter(PROVIDER_KEYS.get(provider, ())), None)),
        ("api_base", url, PROVIDER_URLS.get(provider)),
    ):
        if value is None:
            continue
        if name is None:
            raise UsageError(f"{what} goes with a model of a provider that takes one, not with {model or 'no model'}.")
        raw[name] = Value(value, Source("flag"))
    return replace(settings, raw=raw)
