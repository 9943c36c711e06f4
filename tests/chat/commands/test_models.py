"""Which models are offered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lra.agent.available import available_models
from lra.config import load_settings
from tests.chat.conftest import Start


class _Ollama(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"models": [{"name": "llama3:8b"}, {"name": "qwen3:4b"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def ollama() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Ollama)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_only_the_offline_model_where_there_is_nothing() -> None:
    assert [choice.name for choice in available_models(load_settings(), "offline")] == ["offline"]


def test_providers_with_a_key_and_every_model_of_a_running_ollama(ollama: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", ollama)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    monkeypatch.setenv("LRA_FALLBACK_MODEL", "openai:gpt-x")
    names = [choice.name for choice in available_models(load_settings(), "offline")]
    assert names[:3] == ["offline", "openai:gpt-x", "anthropic:claude-sonnet-5-5"]
    assert names[-2:] == ["ollama:llama3:8b", "ollama:qwen3:4b"]
    assert len(names) == len(set(names))
    # Nobody's models without their key, beyond the one that was named.
    assert {name.partition(":")[0] for name in names} == {"offline", "openai", "anthropic", "ollama"}
    assert sum(name.startswith("openai:") for name in names) == 1


def test_behind_another_address_a_model_has_one_name(
    start: Start, model_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LRA_MODEL", "openai:gpt-x")
    names = [choice.name for choice in available_models(load_settings(), "openai-chat:gpt-x")]
    assert names.count("openai-chat:gpt-x") == 1
    assert not [name for name in names if name.startswith("openai:")]

    chat = start(**model_env)
    chat.prompt()
    chat.send("/model openai:gpt-z\r")
    chat.wait("Answering with openai-chat:gpt-z from now on.")
    chat.prompt()
    chat.send("/model\r")
    chat.wait("Enter chooses")
    chat.send("openai:gpt-w")
    chat.wait(lambda it: any("openai-chat:gpt-w" in row and "as typed" in row for row in it.screen))
    chat.press("enter")
    chat.wait("Answering with openai-chat:gpt-w from now on.")
    assert " openai:" not in "\n".join(row for row in chat.screen if not row.startswith(">"))
