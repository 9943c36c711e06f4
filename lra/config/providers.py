"""Giving Pydantic AI's providers the keys and URLs of our settings, for models and embedders alike."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lra.config.settings import PROVIDER_URLS, Settings
from lra.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.providers import Provider

OLLAMA_URL = "http://localhost:11434"

ProviderFactory = Callable[[str], "Provider[Any]"]
"""From a provider's name, as in `openai:…`, to the provider."""

_FAMILY = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "openai-decisions": "openai",
    "google-cloud": "google",
}


def family(name: str) -> str:
    """Return the provider whose key a name uses: `openai-chat` is `openai`."""
    return _FAMILY.get(name, name)


def provider_factory(settings: Settings) -> ProviderFactory:
    """Return a factory that knows what `.env` files say, which Pydantic AI by itself does not read.

    Args:
        settings: Where keys and base URLs are taken from.

    Returns:
        A factory as `infer_model` and `infer_embedding_model` take it. It raises ConfigError when a key would go to
        a URL that came from a `.env` while the key did not, and else what Pydantic AI raises.
    """

    def build(name: str) -> Provider[Any]:
        from pydantic_ai.providers import infer_provider, infer_provider_class

        options = _options(settings, family(name))
        if not options:
            return infer_provider(name)
        provider = infer_provider_class(name)
        accepted = inspect.signature(provider.__init__).parameters
        return provider(**{key: value for key, value in options.items() if key in accepted})

    return build


def _options(settings: Settings, name: str) -> dict[str, str]:
    """Return what has to be said explicitly; values of the environment Pydantic AI finds by itself."""
    options: dict[str, str] = {}
    key = settings.provider_key(name) or settings.raw.get(f"{name.upper()}_API_KEY")
    url = settings.raw.get(PROVIDER_URLS.get(name, ""))
    if key and url and url.source.from_file and not key.source.from_file:
        # A folder's file must not send the person's own key elsewhere.
        raise ConfigError(
            f"{url.source} sets a base URL for {name}, but the key comes from {key.source}.",
            hint="Put the key for that server into the same file, or set the URL in the environment.",
        )
    if key and not (key.text.strip().isascii() and key.text.strip().isprintable()):
        raise ConfigError(
            f"The key for {name} ({key.source}) holds a character that no key has.",
            hint="Copy it again: a quotation mark or a dash of a text, or a second line, may have come along.",
        )
    if key and (key.source.from_file or key.source.kind == "flag" or url):
        options["api_key"] = key.text.strip()
    if url:
        options["base_url"] = url.text.strip()
    if name == "ollama":
        base = options.get("base_url", OLLAMA_URL).rstrip("/")
        options["base_url"] = base if base.endswith("/v1") else f"{base}/v1"
    return options
