"""The embedder that runs on this machine, with a real if tiny model."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from blockbuster import blockbuster_ctx

from lra.errors import ConfigError
from lra.memory.embedding import Embedder, OnnxEmbedder
from tests.memory.embedding_support import DIMENSIONS, WORDS, expected, tiny_model, write_model


@pytest.fixture(autouse=True)
def _nothing_blocks() -> Iterator[None]:
    with blockbuster_ctx("lra.memory.embedding"):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny")


@pytest.fixture
def embedder(folder: Path) -> OnnxEmbedder:
    return OnnxEmbedder(folder)


async def test_vectors_are_the_mean_of_the_tokens_at_length_one(embedder: OnnxEmbedder) -> None:
    vectors = await embedder.embed_documents(["red", "green blue three", "Red RED"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, DIMENSIONS)
    np.testing.assert_allclose(vectors[0], expected("red"), rtol=1e-5)
    np.testing.assert_allclose(vectors[1], expected("green", "blue", "three"), rtol=1e-5)
    np.testing.assert_allclose(vectors[2], expected("red", "red"), rtol=1e-5)


async def test_a_query_equals_the_same_document(embedder: OnnxEmbedder) -> None:
    query = await embedder.embed_query("two blue")
    assert query.shape == (DIMENSIONS,)
    np.testing.assert_allclose(query, (await embedder.embed_documents(["two blue"]))[0], rtol=1e-6)


async def test_order_survives_batching(embedder: OnnxEmbedder) -> None:
    texts = [" ".join(WORDS[4 + (i + j) % 6] for j in range(i % 97)) for i in range(700)]
    vectors = await embedder.embed_documents(texts)
    assert vectors.shape == (700, DIMENSIONS)
    for index in range(0, 700, 31):
        np.testing.assert_allclose(vectors[index], expected(*texts[index].split()), rtol=1e-4)


async def test_no_texts_give_no_rows(embedder: OnnxEmbedder) -> None:
    assert (await embedder.embed_documents([])).shape == (0, DIMENSIONS)


@pytest.mark.parametrize("text", ["", "   ", "\0", "caf\udce9 \ud800", "\U0001f600" * 50, "中文字" * 20])
async def test_any_string_has_a_vector(embedder: OnnxEmbedder, text: str) -> None:
    assert np.linalg.norm(await embedder.embed_query(text)) == pytest.approx(1, abs=1e-5)


async def test_text_beyond_256_tokens_is_cut(embedder: OnnxEmbedder) -> None:
    longer = "red " * 254 + "three " * 5000
    np.testing.assert_allclose(await embedder.embed_query(longer), expected(*["red"] * 254), rtol=1e-5)


async def test_a_huge_text_costs_no_more_than_a_long_one(embedder: OnnxEmbedder) -> None:
    await embedder.embed_query("warm")
    started = time.perf_counter()
    await embedder.embed_query("word " * 2_000_000)
    assert time.perf_counter() - started < 3


async def test_the_event_loop_goes_on(embedder: OnnxEmbedder) -> None:
    await embedder.embed_query("warm")
    task = asyncio.create_task(embedder.embed_documents(["green blue " * 50] * 2000))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.002)
        turns += 1
    # Blocking work would leave room for one or two.
    assert turns > 10


async def test_closing_ends_what_waits(embedder: OnnxEmbedder) -> None:
    await embedder.embed_query("warm")
    tasks = [asyncio.create_task(embedder.embed_documents(["green blue " * 50] * 2000)) for _ in range(3)]
    await asyncio.sleep(0.02)
    await embedder.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {RuntimeError}


async def test_queries_and_documents_run_side_by_side(embedder: OnnxEmbedder) -> None:
    jobs = [embedder.embed_documents([f"red {word}"] * 20) for word in WORDS[4:]]
    *many, query = await asyncio.gather(*jobs, embedder.embed_query("one"))
    np.testing.assert_allclose(query, expected("one"), rtol=1e-5)
    for word, vectors in zip(WORDS[4:], many, strict=True):
        np.testing.assert_allclose(vectors[7], expected("red", word), rtol=1e-5)


async def test_a_closed_embedder_says_so(embedder: OnnxEmbedder) -> None:
    await embedder.embed_query("red")
    await embedder.close()
    with pytest.raises(RuntimeError, match="closed"):
        await embedder.embed_query("red")


def test_it_is_an_embedder_with_a_name_safe_everywhere(embedder: OnnxEmbedder) -> None:
    checked: Embedder = embedder
    assert checked.name == "tiny"
    assert checked.dimensions == DIMENSIONS
    assert re.fullmatch(r"tiny-words-[0-9a-f]{8}", checked.fingerprint)


def test_the_fingerprint_follows_the_content_not_the_place(folder: Path, tmp_path: Path) -> None:
    here = OnnxEmbedder(folder).fingerprint
    assert OnnxEmbedder(Path(shutil.copytree(folder, tmp_path / "elsewhere"))).fingerprint == here
    others = {
        OnnxEmbedder(write_model(tmp_path / "a", tiny_model(shift=0.5))).fingerprint,
        OnnxEmbedder(
            write_model(
                tmp_path / "b",
                tiny_model() | {"tokenizer.json": tiny_model()["tokenizer.json"].replace(b"Lower", b"L")},
            )
        ).fingerprint,
        OnnxEmbedder(
            write_model(tmp_path / "c", tiny_model() | {"sentence_bert_config.json": b'{"max_seq_length": 128}'})
        ).fingerprint,
    }
    assert len(others | {here}) == 4


def test_an_unchanged_model_is_hashed_once(folder: Path, tmp_path: Path) -> None:
    memory = tmp_path / "home" / "models"
    first = OnnxEmbedder(folder, memory=memory).fingerprint
    note = memory / "checksums.json"
    assert note.stat().st_mode & 0o777 == 0o600
    # A falsified note that is believed proves that the file was not read again.
    note.write_text(re.sub(r'"sha256": "\w{4}', '"sha256": "ffff', note.read_text()))
    assert OnnxEmbedder(folder, memory=memory).fingerprint != first
    os.utime(folder / "model.onnx")
    os.utime(folder / "tokenizer.json")
    assert OnnxEmbedder(folder, memory=memory).fingerprint == first


@pytest.mark.parametrize("content", ["", "no json", "[1]", '{"%s": 3}'])
def test_a_damaged_note_is_no_error(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "checksums.json").write_text(content.replace("%s", str(folder / "model.onnx")))
    assert OnnxEmbedder(folder, memory=tmp_path).fingerprint == OnnxEmbedder(folder).fingerprint


def test_a_note_that_cannot_be_written_is_no_error(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert OnnxEmbedder(folder, memory=tmp_path / "file" / "models").fingerprint


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=f"has no {name}"):
        OnnxEmbedder(folder)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        OnnxEmbedder(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
async def test_a_damaged_file_is_named_on_first_use(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:60])
    damaged = await asyncio.to_thread(OnnxEmbedder, folder)
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"{name} cannot be loaded"):
            await damaged.embed_query("red")


async def test_the_layout_of_a_model_repository(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}'
    )
    model = await asyncio.to_thread(OnnxEmbedder, folder)
    np.testing.assert_allclose(await model.embed_query("red"), expected("[CLS]", specials=False), rtol=1e-5)


def test_a_pooling_that_is_not_supported_is_refused(folder: Path) -> None:
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_lasttoken": true}')
    with pytest.raises(ConfigError, match="pooling_mode_lasttoken"):
        OnnxEmbedder(folder)


def _python(code: str, home: Path, *args: object) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, args)],
        env=env | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_nothing_is_written_into_the_home_folder(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    code = """
import asyncio, sys
from pathlib import Path
from lra.memory.embedding import OnnxEmbedder
print(asyncio.run(OnnxEmbedder(Path(sys.argv[1])).embed_query("red")).shape)
"""
    done = _python(code, home, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.rglob("*")) == []


def test_work_under_way_does_not_keep_the_interpreter(folder: Path, tmp_path: Path) -> None:
    code = """
import asyncio, sys, time
from pathlib import Path
from lra.memory.embedding import OnnxEmbedder

async def main():
    embedder = OnnxEmbedder(Path(sys.argv[1]))
    await embedder.embed_query("warm")
    task = asyncio.create_task(embedder.embed_documents(["red green " * 100] * 2_000_000))
    await asyncio.sleep(0.2)
    assert not task.done()

asyncio.run(main())
print(time.time())
"""
    done = _python(code, tmp_path, folder)
    assert done.returncode == 0, done.stderr
    assert time.time() - float(done.stdout) < 5


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
import asyncio  # which brings ssl
before = set(sys.modules)
import lra.memory.embedding
heavy = {"numpy", "onnxruntime", "tokenizers", "httpx", "pydantic_ai", "pydantic", "ssl"}
print(sorted(heavy & (set(sys.modules) - before)))
"""
    done = _python(code, tmp_path)
    assert done.stdout == "[]\n", done.stderr
