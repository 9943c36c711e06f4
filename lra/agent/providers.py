"""Building a Pydantic AI model from a name, with keys and URLs taken from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lra.agent.names import OFFLINE, OLLAMA_URL
from lra.config import PROVIDER_URLS, Settings
from lra.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.providers import Provider

_FAMILY = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "openai-decisions": "openai",
    "google-cloud": "google",
}


def build_model(name: str, settings: Settings) -> Model:
    """Build the model for a name that `lra.agent.models.normalise` accepted.

    Raises:
        ConfigError: The provider is unknown, its package or key is missing, or a key would go to a URL that came
            from a `.env` while the key did not.
    """
    if name == OFFLINE:
        from lra.agent.offline import OfflineModel

        return OfflineModel()
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.models import infer_model

    provider = name.partition(":")[0]
    try:
        return infer_model(name, provider_factory=lambda wanted: _provider(wanted, settings))
    except ImportError as error:
        raise ConfigError(
            f"The package for {provider} is not installed ({error.name or error}).",
            hint=f"Install it with: pip install 'pydantic-ai-slim[{_FAMILY.get(provider, provider)}]'.",
        ) from error
    except UserError as error:
        raise ConfigError(f"The model {name!r} cannot be used: {_first_sentence(str(error))}") from error
    except ValueError as error:
        raise ConfigError(
            f"{name!r} names no known provider: {_first_sentence(str(error))}",
            hint="Write provider:model, for example openai:gpt-6.1-terra, anthropic:claude-sonnet-5-5 or ollama:NAME.",
        ) from error


def _provider(name: str, settings: Settings) -> Provider[Any]:
    from pydantic_ai.providers import infer_provider, infer_provider_class

    family = _FAMILY.get(name, name)
    key = settings.provider_key(family)
    url = settings.raw.get(PROVIDER_URLS.get(family, ""))
    if key and url and url.source.from_file and not key.source.from_file:
        # D13: a folder's file must not send the person's own key elsewhere.
        raise ConfigError(
            f"{url.source} sets a base URL for {family}, but the key comes from {key.source}.",
            hint="Put the key for that server into the same file, or set the URL in the environment.",
        )
    arguments: dict[str, Any] = {}
    if key and key.source.from_file:
        arguments["api_key"] = key.text.strip()
    if url and url.source.from_file:
        arguments["base_url"] = url.text.strip()
    if family == "ollama":
        base = (url.text if url else OLLAMA_URL).rstrip("/")
        arguments["base_url"] = base if base.endswith("/v1") else f"{base}/v1"
    if not arguments:
        return infer_provider(name)
    return infer_provider_class(name)(**arguments)


def _first_sentence(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "unknown reason"
    return line if line.endswith(".") else f"{line}."
