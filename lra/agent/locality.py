"""Which models run on this machine, and may therefore see local-only memories."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from lra.agent.names import OFFLINE
from lra.config import Settings
from lra.config.providers import OLLAMA_URL, family

LOCAL_ONLY_PROVIDERS = "LRA_LOCAL_ONLY_PROVIDERS"
"""Providers, by name and separated by commas, that may see local-only memories although they are elsewhere."""


def may_see_local_only(model_name: str, settings: Settings) -> bool:
    """Return whether local-only memories may be shown to a model.

    The offline model and an Ollama on this machine may see them, except those of its models that run in its cloud;
    any other provider has to be named in `LRA_LOCAL_ONLY_PROVIDERS`.

    Args:
        model_name: The Pydantic AI model string, or `offline`.
        settings: The resolved settings.
    """
    if model_name == OFFLINE:
        return True
    provider, _, model = model_name.partition(":")
    trusted = {name.strip() for name in (settings.get(LOCAL_ONLY_PROVIDERS) or "").split(",")}
    if provider in trusted or family(provider) in trusted:
        return True
    if provider != "ollama" or model.endswith("cloud"):
        return False
    return _loopback(settings.get("OLLAMA_BASE_URL") or OLLAMA_URL)


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
