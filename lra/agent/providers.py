"""Building a Pydantic AI model from a name, with keys and URLs taken from the settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lra.agent.names import OFFLINE
from lra.config import PROVIDER_KEYS, Settings
from lra.config.providers import family, provider_factory
from lra.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_ai.models import Model

_VARIABLE = re.compile(r"`([A-Z][A-Z0-9_]*_(?:API_KEY|TOKEN|KEY))`")


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
        return infer_model(name, provider_factory=provider_factory(settings))
    except ImportError as error:
        raise ConfigError(
            f"The package for {provider} is not installed ({error.name or error}).",
            hint=f"Install it with: pip install 'pydantic-ai-slim[{family(provider)}]'.",
        ) from error
    except UserError as error:
        if (missing := _missing_key(provider, settings, str(error))) is not None:
            raise ConfigError(
                f"The model {name!r} needs a key, and {missing} is not set.",
                hint=f"Set {missing} in the environment or with `lra init`, then start again. `offline` needs none.",
            ) from error
        raise ConfigError(f"The model {name!r} cannot be used: {_first_sentence(str(error))}") from error
    except ValueError as error:
        raise _unknown_provider(name, error) from error


def _missing_key(provider: str, settings: Settings, complaint: str) -> str | None:
    """Return the variable that holds a provider's key, where that is what is missing."""
    names = PROVIDER_KEYS.get(family(provider)) or tuple(_VARIABLE.findall(complaint))[:1]
    named = any(name in complaint for name in names)
    return names[0] if named and not any(settings.get(name) for name in names) else None


def check_provider(name: str) -> None:
    """Refuse a model whose provider nobody knows; its package and its key may still be missing.

    Raises:
        ConfigError: The provider is unknown.
    """
    from pydantic_ai.providers import infer_provider_class

    try:
        if name != OFFLINE:
            infer_provider_class(name.partition(":")[0])
    except ImportError:
        return
    except ValueError as error:
        raise _unknown_provider(name, error) from error


def _unknown_provider(name: str, error: ValueError) -> ConfigError:
    return ConfigError(
        f"{name!r} names no known provider: {_first_sentence(str(error))}",
        hint="Write provider:model, for example openai:gpt-6.1-terra, anthropic:claude-sonnet-5-5 or ollama:NAME.",
    )


def _first_sentence(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "unknown reason"
    return line if line.endswith(".") else f"{line}."
