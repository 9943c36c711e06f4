"""Which models could answer here: those of providers with a key, of a running Ollama, and the offline one."""

from __future__ import annotations

from lra.agent.models import ModelChoice, known_as, ollama_models
from lra.agent.names import DEFAULT_MODELS, OFFLINE
from lra.config import PROVIDER_KEYS, Settings


def available_models(settings: Settings, current: str = "") -> list[ModelChoice]:
    """Return the models that can be chosen, with what makes each available; the present one comes first.

    Args:
        settings: The resolved settings. The local Ollama port is asked, for at most 0.3 s.
        current: Name of the model that answers now.
    """
    from pydantic_ai.models import known_model_names

    choices: dict[str, str] = {current: "answers now"} if current else {}
    for name, reason in ((settings.model, "LRA_MODEL"), (settings.fallback_model, "LRA_FALLBACK_MODEL")):
        if name:
            choices.setdefault(known_as(name, settings), reason)
    known = known_model_names()
    for provider, names in PROVIDER_KEYS.items():
        key = next((name for name in names if settings.get(name)), None)
        if key is None:
            continue
        if provider in DEFAULT_MODELS:
            choices.setdefault(known_as(DEFAULT_MODELS[provider], settings), f"{key} is set")
        for name in known:
            if name.startswith(f"{provider}:"):
                choices.setdefault(known_as(name, settings), f"{key} is set")
    for model in ollama_models(settings):
        choices.setdefault(f"ollama:{model}", "Ollama is running here")
    choices.setdefault(OFFLINE, "needs nothing; follows rules")
    return [ModelChoice(name, reason) for name, reason in choices.items()]
