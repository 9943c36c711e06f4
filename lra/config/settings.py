"""Every setting of the program, typed, with where its value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Approval = Literal["ask", "auto", "deny"]

PROVIDER_KEYS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "mistral": ("MISTRAL_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "cohere": ("CO_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "cerebras": ("CEREBRAS_API_KEY",),
    "moonshotai": ("MOONSHOTAI_API_KEY",),
    "huggingface": ("HF_TOKEN",),
    "github": ("GITHUB_API_KEY",),
    "heroku": ("HEROKU_INFERENCE_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "ovhcloud": ("OVHCLOUD_API_KEY",),
    "alibaba": ("ALIBABA_API_KEY", "DASHSCOPE_API_KEY"),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "vercel": ("VERCEL_AI_GATEWAY_API_KEY",),
    "zai": ("ZAI_API_KEY",),
    "gateway": ("PYDANTIC_AI_GATEWAY_API_KEY",),
}
"""Provider name of Pydantic AI to the variables its provider class reads; the order is the order of choice."""

PROVIDER_URLS: Mapping[str, str] = {
    "openai": "OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_BASE_URL",
    "google": "GOOGLE_BASE_URL",
    "groq": "GROQ_BASE_URL",
    "mistral": "MISTRAL_BASE_URL",
    "xai": "XAI_BASE_URL",
    "ollama": "OLLAMA_BASE_URL",
    "vllm": "VLLM_BASE_URL",
    "gateway": "PYDANTIC_AI_GATEWAY_BASE_URL",
}

ALL_PROVIDER_KEYS: frozenset[str] = frozenset(name for names in PROVIDER_KEYS.values() for name in names) | {
    "OLLAMA_API_KEY",
    "VLLM_API_KEY",
}

SECRETS: frozenset[str] = ALL_PROVIDER_KEYS | {"SANDBOX_API_KEY", "LOGFIRE_TOKEN"}
"""Values that no listing, log, database row or sandbox may show."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from."""

    kind: Literal["flag", "environment", "dotenv", "user dotenv", "default"]
    path: Path | None = None
    line: int | None = None

    @property
    def from_file(self) -> bool:
        """Whether the value was read from a `.env` file."""
        return self.path is not None

    def __str__(self) -> str:
        if self.path is None:
            return self.kind
        return f"{self.path}:{self.line}" if self.line else str(self.path)


@dataclass(frozen=True, slots=True)
class Value:
    """One raw setting: its text and its source."""

    text: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, checked and resolved."""

    home: Path
    """Data folder (`LRA_HOME`)."""
    folder: Path
    """Working directory the settings were read for."""
    trusted: bool
    """Whether the person has said that files in this folder may configure the program."""
    model: str | None
    """`--model` or `LRA_MODEL`; None lets the program choose."""
    fallback_model: str | None
    """`LRA_FALLBACK_MODEL`: asked when the first model is overloaded or out of reach."""
    database_url: str
    vector_store_path: Path
    embedding: str
    """`LRA_EMBEDDING`: `minilm`, `none`, a folder with an ONNX model, or a Pydantic AI embedder name."""
    embedding_url: str
    """`LRA_EMBEDDING_URL`: where the MiniLM files are fetched from."""
    sandbox_url: str
    sandbox_api_key: str | None
    search_url: str | None
    """`LRA_SEARCH_URL`: a SearXNG server that answers web searches; DuckDuckGo without one."""
    approval: Approval
    logfire_token: str | None
    max_cost: float | None
    """Session budget in US dollars (`--max-cost`, `LRA_MAX_COST`)."""
    max_requests: int
    """Model requests allowed in one turn (`LRA_MAX_REQUESTS`)."""
    max_tool_calls: int
    """Tool calls allowed in one turn (`LRA_MAX_TOOL_CALLS`)."""
    max_session_tokens: int | None
    """Tokens, input and output together, that one session may use (`LRA_MAX_SESSION_TOKENS`)."""
    extract: bool
    """`LRA_EXTRACT`: whether a session's model picks facts out of it when it has ended."""
    raw: Mapping[str, Value] = field(repr=False)
    """Every known variable that was set anywhere, by name."""
    notices: tuple[str, ...] = ()
    """Sentences the person should see once, such as values ignored in an untrusted folder."""

    def get(self, name: str) -> str | None:
        """Return the raw text of a variable, or None when it is not set."""
        value = self.raw.get(name)
        return value.text if value else None

    def provider_key(self, provider: str) -> Value | None:
        """Return the first key set for a provider of Pydantic AI."""
        for name in PROVIDER_KEYS.get(provider, ()):
            if (value := self.raw.get(name)) and value.text:
                return value
        return None
