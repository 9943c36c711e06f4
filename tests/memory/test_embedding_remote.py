"""The embedder behind a provider's API, against a server that speaks it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from blockbuster import blockbuster_ctx

from lra.config import load_settings, trust
from lra.config.providers import provider_factory
from lra.config.sources import config_dir
from lra.errors import BusyError, ConfigError, LraError, UnavailableError
from lra.memory.embedding import Embedder, PydanticEmbedder, choose_embedder, remote

NAME = "openai:text-embedding-3-small"


@dataclass
class Provider:
    """What the server answers, and what it was asked."""

    url: str = ""
    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    vectors: Any = None
    """Instead of one vector for each text."""
    window: int = 1_000_000
    """Characters of the longest text it takes."""
    wait: threading.Event | None = None
    inputs: list[list[str]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        state = cast(Any, self.server).state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state.inputs.append(body["input"])
        state.keys.append(self.headers.get("Authorization"))
        if state.wait:
            state.wait.wait(20)
        if state.status != 200:
            self.answer(state.status, {"error": state.error})
            return
        if max(map(len, body["input"])) > state.window:
            self.answer(400, {"error": {"message": "too long", "code": "context_length_exceeded"}})
            return
        vectors = state.vectors
        if vectors is None:
            vectors = [[3.0, 4.0, float(len(text))] for text in body["input"]]
        if not isinstance(vectors, list):
            self.answer(200, vectors)
            return
        data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        self.answer(200, {"object": "list", "model": body["model"], "data": data, "usage": usage})

    def answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        # The client library's own retries need not slow the tests down.
        self.send_header("x-should-retry", "false")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    state = Provider(url=f"http://127.0.0.1:{server.server_port}/v1")
    cast(Any, server).state = state
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, provider: Provider) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.url)
    with blockbuster_ctx("lra.memory.embedding"):
        yield


async def test_vectors_come_back_in_order_at_length_one(provider: Provider) -> None:
    embedder = PydanticEmbedder(NAME)
    vectors = await embedder.embed_documents(["a", "bb"])
    assert vectors.shape == (2, 3)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[1], np.array([3, 4, 2]) / 29**0.5, rtol=1e-6)
    assert embedder.dimensions == 3
    query = await embedder.embed_query("bb")
    np.testing.assert_allclose(query, vectors[1])
    assert (await embedder.embed_documents([])).shape == (0, 3)
    assert provider.keys[0] == "Bearer sk-test"
    await embedder.close()
    with pytest.raises(RuntimeError, match="closed"):
        await embedder.embed_query("a")


def test_the_fingerprint_follows_the_name() -> None:
    embedder: Embedder = PydanticEmbedder(NAME)
    assert embedder.dimensions is None
    assert embedder.fingerprint.startswith("openai-text-embedding-3-small-")
    names = [NAME, "openai:text-embedding-3-large", "ollama:text-embedding-3-small", "ollama:" + "x" * 300, "x:" + "文"]
    prints = {PydanticEmbedder(name).fingerprint for name in names}
    assert len(prints) == len(names)
    assert all(3 <= len(value) <= 63 and value.isascii() for value in prints)


async def test_many_texts_are_sent_in_several_requests(provider: Provider) -> None:
    texts = ["x" * (1 + i % 3) for i in range(150)] + ["y" * 50_000] * 40
    vectors = await PydanticEmbedder(NAME).embed_documents(texts)
    assert vectors.shape == (190, 3)
    assert [text for batch in provider.inputs for text in batch] == [text[:8_000] for text in texts]
    assert all(len(batch) <= 64 and sum(map(len, batch)) <= 100_000 for batch in provider.inputs)


async def test_texts_that_providers_refuse_are_mended(provider: Provider) -> None:
    await PydanticEmbedder(NAME).embed_documents(["", " \n", "a\0b\ud800"])
    assert provider.inputs == [["(empty)", "(empty)", "a\ufffdb\ufffd"]]


async def test_a_small_window_is_found_and_remembered(provider: Provider) -> None:
    provider.window = 600
    embedder = PydanticEmbedder(NAME)
    await embedder.embed_documents(["x" * 9_000, "short"])
    await embedder.embed_query("y" * 9_000)
    assert [max(map(len, batch)) for batch in provider.inputs] == [8_000, 2_000, 500, 500]


async def test_a_window_too_small_for_anything_is_an_error(provider: Provider) -> None:
    provider.window = 3
    with pytest.raises(ConfigError, match="rejects the request"):
        await PydanticEmbedder(NAME).embed_query("x" * 9_000)


@pytest.mark.parametrize(
    ("status", "error", "kind", "says"),
    [
        (401, {"message": "Incorrect API key provided: sk-te**st"}, ConfigError, "OPENAI_API_KEY"),
        (403, {"message": "no"}, ConfigError, "refused the key"),
        (404, {"message": "no", "code": "model_not_found"}, ConfigError, "does not exist there"),
        (400, {"message": "no"}, ConfigError, "rejects the request"),
        (429, {"message": "no", "code": "rate_limit_exceeded"}, BusyError, "asks to wait"),
        (429, {"message": "no", "code": "insufficient_quota"}, UnavailableError, "quota"),
        (500, {"message": "no"}, UnavailableError, "cannot be reached or used now"),
        (503, {"message": "no"}, UnavailableError, "cannot be reached or used now"),
    ],
)
async def test_every_refusal_is_one_clear_sentence(
    provider: Provider, status: int, error: dict[str, Any], kind: type[LraError], says: str
) -> None:
    provider.status, provider.error = status, error
    with pytest.raises(kind) as caught:
        await PydanticEmbedder(NAME).embed_query("red")
    text = str(caught.value)
    assert says in text
    assert NAME in text
    assert "sk-te" not in text


@pytest.mark.parametrize("vectors", [[], [[1.0, 2.0]] * 3, [[]], [[1e999, 0.0]], [[1.0], [1.0, 2.0]], ["no"], 7])
async def test_an_answer_that_is_no_vector_is_refused(provider: Provider, vectors: Any) -> None:
    provider.vectors = vectors
    with pytest.raises(UnavailableError):
        await PydanticEmbedder(NAME).embed_query("red")


async def test_dimensions_that_change_are_refused(provider: Provider) -> None:
    embedder = PydanticEmbedder(NAME)
    await embedder.embed_query("red")
    provider.vectors = [[1.0, 2.0]]
    with pytest.raises(UnavailableError, match="2 dimensions after 3"):
        await embedder.embed_query("red")


async def test_nobody_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await PydanticEmbedder(NAME).embed_query("red")


async def test_a_silent_provider_is_given_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TIMEOUT", 0.5)
    provider.wait = threading.Event()
    with pytest.raises(UnavailableError, match="did not answer"):
        await PydanticEmbedder(NAME).embed_query("red")
    provider.wait.set()


async def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(ConfigError, match=r"needs a key.*OPENAI_API_KEY"):
        await PydanticEmbedder(NAME).embed_query("red")


@pytest.mark.parametrize("name", ["nobody:model", "anthropic:claude", "voyageai:voyage-4", "sentence-transformers:x"])
async def test_a_provider_that_cannot_embed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("VOYAGE_API_KEY", "k")
    with pytest.raises(ConfigError, match=f"The embedder {name}") as caught:
        await PydanticEmbedder(name).embed_query("red")
    assert "\n" not in str(caught.value)


def test_one_embedder_outlives_event_loops(provider: Provider) -> None:
    embedder = PydanticEmbedder(NAME)
    for _ in range(2):
        assert asyncio.run(embedder.embed_query("red")).shape == (3,)


async def test_several_calls_at_once(provider: Provider) -> None:
    embedder = PydanticEmbedder(NAME)
    results = await asyncio.gather(*(embedder.embed_query("x" * n) for n in range(1, 9)))
    for n, vector in enumerate(results, 1):
        np.testing.assert_allclose(vector, np.array([3, 4, n]) / (25 + n * n) ** 0.5, rtol=1e-6)


def _in_folder(tmp_path: Path, dotenv: str, **environ: str) -> Embedder:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / ".env").write_text(dotenv)
    trust(folder, config_dir())
    settings = load_settings(folder, environ={"LRA_HOME": str(tmp_path / "home"), **environ})
    embedder = choose_embedder(settings).embedder
    assert embedder is not None
    return embedder


def test_key_and_url_of_a_dotenv_are_used(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    dotenv = f"LRA_EMBEDDING={NAME}\nOPENAI_API_KEY=sk-file\nOPENAI_BASE_URL={provider.url}\n"
    asyncio.run(_in_folder(tmp_path, dotenv).embed_query("red"))
    assert provider.keys == ["Bearer sk-file"]


def test_a_key_of_the_environment_is_not_sent_to_a_url_of_a_dotenv(provider: Provider, tmp_path: Path) -> None:
    dotenv = f"LRA_EMBEDDING={NAME}\nOPENAI_BASE_URL={provider.url}\n"
    with pytest.raises(ConfigError, match="the key comes from environment"):
        asyncio.run(_in_folder(tmp_path, dotenv, OPENAI_API_KEY="sk-test").embed_query("red"))
    assert provider.keys == []


def test_ollama_needs_no_setting(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environ={})
    assert provider_factory(settings)("ollama").base_url.startswith("http://localhost:11434/v1")


def test_ollama_is_asked_where_the_settings_say(provider: Provider, tmp_path: Path) -> None:
    asyncio.run(
        _in_folder(tmp_path, "LRA_EMBEDDING=ollama:nomic-embed-text\n", OLLAMA_BASE_URL=provider.url).embed_query("red")
    )
    assert provider.inputs == [["red"]]
