"""Giving a Pydantic AI provider the keys and URLs of our own settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lra.config.settings import PROVIDER_URLS, Settings

if TYPE_CHECKING:
    from pydantic_ai.providers import Provider

OLLAMA_URL = "http://localhost:11434/v1"
NO_KEY = "no-key"
"""Sent where a client library insists on a key and none may be sent."""

ProviderFactory = Callable[[str], "Provider[Any]"]
"""From a provider's name, as in `openai:…`, to the provider."""


def provider_factory(settings: Settings) -> ProviderFactory:
    """Return a factory that knows what `.env` files say, which Pydantic AI by itself does not read.

    A key that did not come from a `.env` is never sent to a base URL that did.

    Args:
        settings: Where keys and base URLs are taken from.

    Returns:
        A factory as `infer_embedding_model` takes it; it raises what Pydantic AI raises.
    """

    def build(name: str) -> Provider[Any]:
        from pydantic_ai.providers import infer_provider, infer_provider_class

        options = _options(settings, name)
        if not options:
            return infer_provider(name)
        provider = infer_provider_class(name)
        accepted = inspect.signature(provider.__init__).parameters
        return provider(**{key: value for key, value in options.items() if key in accepted})

    return build


def _options(settings: Settings, name: str) -> dict[str, str]:
    options: dict[str, str] = {}
    key = settings.provider_key(name) or settings.raw.get(f"{name.upper()}_API_KEY")
    url = settings.raw.get(PROVIDER_URLS.get(name, ""))
    if key:
        options["api_key"] = key.text
    if url:
        options["base_url"] = url.text.strip()
        if url.source.from_file and not (key and key.source.from_file):
            options["api_key"] = NO_KEY
    elif name == "ollama":
        options["base_url"] = OLLAMA_URL
    return options
