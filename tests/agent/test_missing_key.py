"""A model whose key is missing: one sentence of our own that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from lra.agent.providers import build_model
from lra.config import PROVIDER_KEYS, load_settings
from lra.errors import ConfigError


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        ("openai:gpt-4o", "OPENAI_API_KEY"),
        ("openai-chat:gpt-4o", "OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-5-5", "ANTHROPIC_API_KEY"),
        ("groq:llama", "GROQ_API_KEY"),
        ("deepseek:chat", "DEEPSEEK_API_KEY"),
    ],
)
def test_the_variable_is_named(model: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (name for names in PROVIDER_KEYS.values() for name in names):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    with pytest.raises(ConfigError) as error:
        build_model(model, load_settings(tmp_path))
    assert error.value.message == f"The model {model!r} needs a key, and {variable} is not set."
    assert error.value.hint == (
        f"Set {variable} in the environment or with `lra init`, then start again. `offline` needs none."
    )
    assert "Provider(" not in str(error.value)


@pytest.mark.parametrize("key", ["schlüssel-”x", "sk-one\nsk-two", "sk\x00"])
@pytest.mark.parametrize("model", ["openai:gpt-4o", "anthropic:claude-sonnet-5-5"])
def test_what_can_be_no_key_is_told_and_not_repeated(model: str, key: str, tmp_path: Path) -> None:
    name = "OPENAI_API_KEY" if model.startswith("openai") else "ANTHROPIC_API_KEY"
    with pytest.raises(ConfigError) as error:
        build_model(model, load_settings(tmp_path, environ={name: key}))
    assert "holds a character that no key has" in error.value.message
    assert key not in str(error.value)
