"""Which embedder a setting leads to, and how its model gets here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from blockbuster import blockbuster_ctx

from lra.config import Settings, load_settings
from lra.errors import ConfigError
from lra.memory.embedding import OnnxEmbedder, PydanticEmbedder, choose, choose_embedder
from tests.memory.embedding_support import WebSource, expected, pack, serve, sha256, tiny_model, write_model

ARCHIVE = "/onnx.tar.gz"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    (tmp_path / "project").mkdir()
    with blockbuster_ctx("lra.memory.embedding"):
        yield


@pytest.fixture
def source() -> Iterator[WebSource]:
    yield from serve()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def settings(tmp_path: Path, embedding: str | None = None, url: str = "http://127.0.0.1:9/onnx.tar.gz") -> Settings:
    environ = {"LRA_HOME": str(tmp_path / "home"), "LRA_EMBEDDING_URL": url}
    if embedding is not None:
        environ["LRA_EMBEDDING"] = embedding
    return load_settings(tmp_path / "project", environ=environ)


def chroma_folder(tmp_path: Path) -> Path:
    return tmp_path / "person" / ".cache" / "chroma" / "onnx_models" / "all-MiniLM-L6-v2" / "onnx"


@pytest.mark.parametrize("value", ["none", "None", "NONE"])
async def test_none_is_none(tmp_path: Path, value: str) -> None:
    choice = await asyncio.to_thread(lambda: choose_embedder(settings(tmp_path, value)))
    assert (choice.embedder, choice.needs_download) == (None, False)
    assert "LRA_EMBEDDING=none" in choice.reason
    assert await choice.prepare() is None


@pytest.mark.parametrize("value", [None, "minilm", "MiniLM"])
def test_the_default_is_taken_from_the_data_folder(tmp_path: Path, home: Path, value: str | None) -> None:
    own = write_model(home / "models" / "all-MiniLM-L6-v2")
    write_model(chroma_folder(tmp_path))
    choice = choose_embedder(settings(tmp_path, value))
    assert isinstance(choice.embedder, OnnxEmbedder)
    assert (choice.embedder.folder, choice.embedder.name) == (own, "all-MiniLM-L6-v2")
    assert not choice.needs_download
    assert str(own) in choice.reason


def test_the_default_is_taken_from_where_chroma_keeps_it(tmp_path: Path, home: Path) -> None:
    folder = write_model(chroma_folder(tmp_path))
    before = sorted(path.name for path in folder.iterdir())
    choice = choose_embedder(settings(tmp_path))
    assert isinstance(choice.embedder, OnnxEmbedder)
    assert choice.embedder.folder == folder
    assert "Chroma" in choice.reason
    # Notes go to our own folder, never to another program's.
    assert sorted(path.name for path in folder.iterdir()) == before
    assert (home / "models" / "checksums.json").exists()


def test_an_unfinished_folder_of_chroma_is_not_taken(tmp_path: Path) -> None:
    (write_model(chroma_folder(tmp_path)) / "vocab.txt").unlink()
    assert choose_embedder(settings(tmp_path)).needs_download


async def test_the_default_is_fetched_when_asked(tmp_path: Path, home: Path, source: WebSource) -> None:
    content = source.files[ARCHIVE] = pack(tiny_model())
    asked = await asyncio.to_thread(settings, tmp_path, None, f"{source.url}{ARCHIVE}#sha256={sha256(content)}")
    choice = await asyncio.to_thread(choose_embedder, asked)
    assert (choice.embedder, choice.needs_download) == (None, True)
    assert "127.0.0.1" in choice.reason
    assert not home.exists()

    seen: list[int] = []
    first, second = await asyncio.gather(choice.prepare(lambda done, total: seen.append(done)), choice.prepare())
    assert first is not None
    assert first is second is choice.embedder
    assert not choice.needs_download
    assert seen[-1] == len(content)
    assert str(home) in choice.reason
    np.testing.assert_allclose(await first.embed_query("red"), expected("red"), rtol=1e-5)
    assert len(source.requests) == 1


async def test_no_network_is_no_error_and_is_not_tried_over_and_over(
    tmp_path: Path, source: WebSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = await asyncio.to_thread(settings, tmp_path, None, source.url + ARCHIVE)
    choice = await asyncio.to_thread(choose_embedder, asked)
    for _ in range(3):
        assert await choice.prepare() is None
    assert len(source.requests) == 1
    assert "could not be fetched" in choice.reason
    assert "404" in choice.reason
    assert choice.needs_download

    monkeypatch.setattr(choose, "RETRY_AFTER", 0.0)
    for _ in range(3):
        assert await choice.prepare() is None
    assert len(source.requests) == 2

    # The next process, that is the next choice, tries again.
    source.files[ARCHIVE] = pack(tiny_model())
    assert await (await asyncio.to_thread(choose_embedder, asked)).prepare() is not None
    # What another process has fetched meanwhile is found even without a try.
    assert await choice.prepare() is not None


@pytest.mark.parametrize("form", ["absolute", "relative", "dotted", "home"])
def test_a_folder_is_taken_as_it_is(tmp_path: Path, form: str) -> None:
    folder = write_model(tmp_path / "project" / "tiny")
    write_model(tmp_path / "person" / "tiny")
    value = {"absolute": str(folder), "relative": "tiny", "dotted": "./tiny", "home": "~/tiny"}[form]
    choice = choose_embedder(settings(tmp_path, value))
    assert isinstance(choice.embedder, OnnxEmbedder)
    assert choice.embedder.folder == (tmp_path / "person" / "tiny" if form == "home" else folder)
    assert not choice.needs_download


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "project" / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"has no model\.onnx"):
        choose_embedder(settings(tmp_path, "empty"))
    with pytest.raises(ConfigError, match="missing does not exist"):
        choose_embedder(settings(tmp_path, "./missing"))


@pytest.mark.parametrize(
    "value", ["openai:text-embedding-3-small", "ollama:nomic-embed-text", "gateway/openai:x", "ollama:org/model:7b"]
)
def test_a_provider_is_taken_by_its_name(tmp_path: Path, value: str) -> None:
    choice = choose_embedder(settings(tmp_path, value))
    assert isinstance(choice.embedder, PydanticEmbedder)
    assert choice.embedder.name == value
    assert value in choice.reason


@pytest.mark.parametrize("value", ["mini", "bert", ":", "openai:", ":x", "all-MiniLM-L6-v2"])
def test_anything_else_is_refused_with_its_source(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_embedder(settings(tmp_path, value))
    assert f"LRA_EMBEDDING from environment is {value!r}" in str(caught.value)
    assert "minilm, none" in str(caught.value)
