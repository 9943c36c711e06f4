"""Names and addresses of models that the program knows by itself."""

from __future__ import annotations

from collections.abc import Mapping

OFFLINE = "offline"

DEFAULT_MODELS: Mapping[str, str] = {
    "openai": "openai:gpt-6.1-terra",
    "anthropic": "anthropic:claude-sonnet-5-5",
    "google": "google:gemini-3.8-flash",
    "groq": "groq:openai/gpt-oss-120b",
    "mistral": "mistral:mistral-medium-latest",
    "openrouter": "openrouter:openrouter/auto",
    "deepseek": "deepseek:deepseek-flash",
    "xai": "xai:grok-4.7",
    "cohere": "cohere:command-a-plus-05-2026",
}
"""What a provider's key alone selects; other providers need `LRA_MODEL` to name the model."""
