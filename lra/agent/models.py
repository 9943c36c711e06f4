"""Which model answers: the order of choice, and the sentence that says why."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from lra.agent.names import DEFAULT_MODELS, OFFLINE
from lra.config import PROVIDER_KEYS, Settings
from lra.config.providers import OLLAMA_URL
from lra.errors import ConfigError, LraError

_PROBE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model to use."""

    name: str
    """Pydantic AI model string, or `offline`."""
    reason: str
    """One sentence for the person."""


@dataclass(frozen=True, slots=True)
class ChoiceReport:
    """The same for `lra doctor`, failures included."""

    name: str
    reason: str
    ok: bool
    fix: str = ""


def choose_model(settings: Settings) -> ModelChoice:
    """Resolve the model: flag or `LRA_MODEL`, then the first provider key, then Ollama, then offline.

    Args:
        settings: The resolved settings. Without a model or key the local Ollama port is asked, for at most 0.3 s.

    Raises:
        ConfigError: The name is not of the form `provider:model`, or a key was found whose provider has no default.
    """
    if settings.model:
        value = settings.raw.get("LRA_MODEL")
        return ModelChoice(normalise(settings.model, settings), f"chosen by {value.source if value else 'request'}")
    for provider, names in PROVIDER_KEYS.items():
        key = next((name for name in names if settings.get(name)), None)
        if key is None:
            continue
        if provider not in DEFAULT_MODELS:
            raise ConfigError(
                f"{key} is set, but {provider} has no default model.",
                hint=f"Name one: LRA_MODEL={provider}:MODEL, or --model.",
            )
        return ModelChoice(normalise(DEFAULT_MODELS[provider], settings), f"{key} is set")
    if model := probe_ollama(settings):
        return ModelChoice(f"ollama:{model}", "Ollama is running here")
    return ModelChoice(OFFLINE, "no provider key is set and no Ollama is running")


def normalise(name: str, settings: Settings) -> str:
    """Check a model name and return the one Pydantic AI is given.

    Raises:
        ConfigError: The name has no provider.
    """
    name = name.strip()
    if name == OFFLINE:
        return name
    provider, found, model = name.partition(":")
    if not found or not provider or not model:
        hint = "Write provider:model, for example openai:gpt-6.1-terra."
        if name and not found:
            hint = f"Write provider:model, for example openai:{name}."
        raise ConfigError(f"{name!r} is no model name.", hint=hint)
    return known_as(name, settings)


def known_as(name: str, settings: Settings) -> str:
    """Return the name a model answers under, and is shown and offered under everywhere."""
    provider, _, model = name.partition(":")
    if provider == "openai" and settings.get("OPENAI_BASE_URL"):
        # Servers that imitate OpenAI speak chat completions; few speak the responses API.
        return f"openai-chat:{model}"
    return name


def describe_choice(settings: Settings) -> ChoiceReport:
    """Resolve the model and check that it can be built, without asking it anything."""
    try:
        choice = choose_model(settings)
        if choice.name != OFFLINE:
            from lra.agent.providers import build_model

            build_model(choice.name, settings)
    except LraError as error:
        return ChoiceReport(settings.model or "", error.message, ok=False, fix=error.hint or "")
    fix = ""
    if choice.name == OFFLINE:
        fix = "Set a provider key such as OPENAI_API_KEY or ANTHROPIC_API_KEY, or start Ollama."
    return ChoiceReport(choice.name, choice.reason, ok=True, fix=fix)


def probe_ollama(settings: Settings) -> str | None:
    """Return the first model of a running Ollama, or None."""
    return next(iter(ollama_models(settings)), None)


def ollama_models(settings: Settings) -> list[str]:
    """Return the models of a running Ollama; none when nothing answers within 0.3 s."""
    parts = urlsplit(settings.get("OLLAMA_BASE_URL") or OLLAMA_URL)
    if not parts.hostname:
        return []
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_PROBE_SECONDS)
    try:
        connection.request("GET", "/api/tags")
        response = connection.getresponse()
        body = json.loads(response.read(1_000_000)) if response.status == 200 else {}
        return [str(model["name"]) for model in body.get("models") or []]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return []
    finally:
        connection.close()
