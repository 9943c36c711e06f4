"""Fetching the model over real connections, from servers and archives of every sort."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from blockbuster import blockbuster_ctx

from lra.errors import BusyError, ConfigError, UnavailableError
from lra.memory.embedding import OnnxEmbedder, download, fetch_model
from lra.memory.embedding.archive import MAX_UNPACKED
from lra.memory.embedding.files import FILES
from tests.memory.embedding_support import (
    WebSource,
    expected,
    pack,
    pack_members,
    serve,
    sha256,
    tiny_model,
)

ARCHIVE = "/minilm/onnx.tar.gz"


@pytest.fixture(autouse=True)
def _nothing_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with blockbuster_ctx("lra.memory.embedding"):
        yield


@pytest.fixture
def source() -> Iterator[WebSource]:
    yield from serve()


@pytest.fixture
def archive(source: WebSource) -> bytes:
    # Random bytes beside the model make the archive large enough to arrive in several pieces.
    content = pack(tiny_model() | {"vocab.txt": np.random.default_rng(1).bytes(3_000_000)})
    source.files[ARCHIVE] = content
    return content


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models" / "all-MiniLM-L6-v2"


def pinned(source: WebSource, content: bytes) -> str:
    return f"{source.url}{ARCHIVE}#sha256={sha256(content)}"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_an_archive_arrives_whole_and_private(source: WebSource, archive: bytes, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    await fetch_model(target, pinned(source, archive), on_progress=lambda done, total: seen.append((done, total)))

    assert names(target) == set(FILES)
    assert (target / "model.onnx").read_bytes() == tiny_model()["model.onnx"]
    assert names(target.parent) == {target.name, f"{target.name}.lock"}
    for path in (target.parent.parent, target.parent, target):
        assert path.stat().st_mode & 0o777 == 0o700
    for path in target.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert seen == sorted(seen)
    assert seen[-1] == (len(archive), len(archive))
    embedder = await asyncio.to_thread(OnnxEmbedder, target)
    np.testing.assert_allclose(await embedder.embed_query("red"), expected("red"), rtol=1e-5)


async def test_files_that_are_there_are_not_fetched_again(source: WebSource, archive: bytes, target: Path) -> None:
    for _ in range(2):
        await fetch_model(target, pinned(source, archive))
    assert len(source.requests) == 1


async def test_a_model_repository_arrives_file_by_file(source: WebSource, target: Path) -> None:
    files = tiny_model()
    for name, content in files.items():
        source.files[f"/repo/{'onnx/' if name == 'model.onnx' else ''}{name}"] = content
    seen: list[tuple[int, int | None]] = []
    await fetch_model(
        target,
        f"{source.url}/repo#sha256={sha256(files['model.onnx'])}",
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert {path.name: path.read_bytes() for path in target.iterdir()} == files
    size = sum(map(len, files.values()))
    assert seen[-1] == (size, size)


@pytest.mark.parametrize("layout", ["archive", "repository"])
async def test_other_content_than_published_is_refused_and_deleted(
    source: WebSource, archive: bytes, target: Path, layout: str
) -> None:
    for name, content in tiny_model().items():
        source.files[f"/repo/{'onnx/' if name == 'model.onnx' else ''}{name}"] = content
    url, bad = {
        "archive": (source.url + ARCHIVE, archive),
        "repository": (f"{source.url}/repo", tiny_model()["model.onnx"]),
    }[layout]
    with pytest.raises(UnavailableError) as caught:
        await fetch_model(target, f"{url}#sha256={'0' * 64}")
    for part in ("onnx", "0" * 64, sha256(bad), "LRA_EMBEDDING_URL"):
        assert part in str(caught.value)
    assert not target.exists()
    left = target.with_name(f"{target.name}.part")
    assert not names(left) & {"archive.tar.gz", "model.onnx", "archive.tar.gz.source", "model.onnx.source"}

    await fetch_model(target, f"{url}#sha256={sha256(bad)}")
    assert names(target) == set(FILES)


async def test_a_broken_connection_is_taken_up_again(source: WebSource, archive: bytes, target: Path) -> None:
    source.cut_after = [700_000, 900_000]
    await fetch_model(target, pinned(source, archive))
    assert names(target) == set(FILES)
    (first, _), (second, condition), (third, _) = source.gets(ARCHIVE)
    assert (first, second, third) == (None, "bytes=700000-", "bytes=1600000-")
    assert condition is not None


async def test_the_next_try_continues_where_the_last_ended(source: WebSource, archive: bytes, target: Path) -> None:
    source.cut_after = [1_000_000, 0]
    with pytest.raises(UnavailableError, match="broke off after 1000 kB"):
        await fetch_model(target, pinned(source, archive))
    assert not target.exists()
    part = target.with_name(f"{target.name}.part") / "archive.tar.gz"
    assert part.stat().st_size == 1_000_000
    assert part.stat().st_mode & 0o777 == 0o600
    await fetch_model(target, pinned(source, archive))
    assert source.gets(ARCHIVE)[-1][0] == "bytes=1000000-"
    assert names(target) == set(FILES)


async def test_a_server_without_ranges_starts_again_cleanly(source: WebSource, archive: bytes, target: Path) -> None:
    source.ranges = False
    source.cut_after = [1_000_000, 0]
    with pytest.raises(UnavailableError):
        await fetch_model(target, pinned(source, archive))
    await fetch_model(target, pinned(source, archive))
    assert names(target) == set(FILES)


async def test_a_file_that_changed_meanwhile_starts_again(source: WebSource, archive: bytes, target: Path) -> None:
    source.cut_after = [1_000_000, 0]
    with pytest.raises(UnavailableError):
        await fetch_model(target, source.url + ARCHIVE)
    source.files[ARCHIVE] = pack(tiny_model(shift=0.5))
    await fetch_model(target, source.url + ARCHIVE)
    assert (target / "model.onnx").read_bytes() == tiny_model(shift=0.5)["model.onnx"]


async def test_bytes_of_another_source_are_not_continued(source: WebSource, archive: bytes, target: Path) -> None:
    source.cut_after = [1_000_000, 0]
    with pytest.raises(UnavailableError):
        await fetch_model(target, pinned(source, archive))
    source.files["/other.tgz"] = pack(tiny_model())
    await fetch_model(target, f"{source.url}/other.tgz")
    assert source.gets("/other.tgz") == [(None, None)]


async def test_a_whole_archive_left_behind_needs_no_network(source: WebSource, archive: bytes, target: Path) -> None:
    source.cut_after = [len(archive) - 1, 0]
    with pytest.raises(UnavailableError):
        await fetch_model(target, pinned(source, archive))
    part = target.with_name(f"{target.name}.part") / "archive.tar.gz"
    part.write_bytes(archive)
    asked = len(source.requests)
    await fetch_model(target, pinned(source, archive))
    assert len(source.requests) == asked
    assert names(target) == set(FILES)


async def test_no_network_is_one_sentence(target: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}{ARCHIVE}"
        started = time.perf_counter()
        with pytest.raises(UnavailableError) as caught:
            await fetch_model(target, url)
    assert time.perf_counter() - started < 5
    assert str(caught.value).startswith("127.0.0.1 cannot be reached")
    assert "\n" not in str(caught.value)


async def test_a_wrong_address_is_named_without_its_secrets(source: WebSource, target: Path) -> None:
    url = source.url.replace("//", "//me:secret@") + "/gone.tar.gz?token=secret"
    with pytest.raises(UnavailableError) as caught:
        await fetch_model(target, url)
    assert "/gone.tar.gz answered 404" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("fragment", ["sha256=abc", "md5=0", "x"])
async def test_a_pin_that_is_none_is_refused(source: WebSource, target: Path, fragment: str) -> None:
    with pytest.raises(ConfigError, match="no checksum"):
        await fetch_model(target, f"{source.url}{ARCHIVE}#{fragment}")
    assert source.requests == []


async def test_a_silent_server_is_given_up(
    source: WebSource, archive: bytes, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "READ_TIMEOUT", 0.3)
    source.stall = threading.Event()
    source.cut_after = [0]
    started = time.perf_counter()
    with pytest.raises(UnavailableError, match="broke off"):
        await fetch_model(target, pinned(source, archive))
    assert time.perf_counter() - started < 10
    source.stall.set()


async def test_an_endless_fetch_is_given_up(
    source: WebSource, archive: bytes, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "DEADLINE", 0.5)
    source.stall = threading.Event()
    with pytest.raises(UnavailableError, match="did not arrive"):
        await fetch_model(target, pinned(source, archive))
    source.stall.set()


async def test_a_cancelled_fetch_keeps_what_came(source: WebSource, archive: bytes, target: Path) -> None:
    source.stall = threading.Event()
    came = asyncio.Event()
    task = asyncio.create_task(
        fetch_model(
            target, pinned(source, archive), on_progress=lambda done, total: came.set() if done > 1_000_000 else None
        )
    )
    await asyncio.wait_for(came.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    source.stall.set()
    source.stall = None
    await fetch_model(target, pinned(source, archive))
    asked = source.gets(ARCHIVE)[-1][0]
    assert asked is not None
    assert int(asked.removeprefix("bytes=").removesuffix("-")) >= 1_000_000
    assert names(target) == set(FILES)


async def test_two_tasks_fetch_once(source: WebSource, archive: bytes, target: Path) -> None:
    await asyncio.gather(*(fetch_model(target, pinned(source, archive)) for _ in range(3)))
    assert len(source.requests) == 1


FETCH = """
import asyncio, sys
from pathlib import Path
from lra.memory.embedding import fetch_model
asyncio.run(fetch_model(Path(sys.argv[1]), sys.argv[2]))
"""


def test_two_processes_fetch_once(source: WebSource, archive: bytes, target: Path) -> None:
    command = [sys.executable, "-c", FETCH, str(target), pinned(source, archive)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, complaints = process.communicate(timeout=50)
        assert (process.returncode, complaints) == (0, "")
    assert len(source.requests) == 1
    assert names(target) == set(FILES)


async def test_a_killed_process_leaves_no_lock(source: WebSource, archive: bytes, target: Path) -> None:
    source.stall = threading.Event()
    process = subprocess.Popen([sys.executable, "-c", FETCH, str(target), pinned(source, archive)])
    part = target.with_name(f"{target.name}.part") / "archive.tar.gz"
    while not part.exists() or part.stat().st_size < 1_000_000:
        assert process.poll() is None
        await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    source.stall.set()
    source.stall = None
    await asyncio.wait_for(fetch_model(target, pinned(source, archive)), 10)
    assert names(target) == set(FILES)


async def test_waiting_for_another_process_ends(
    source: WebSource, archive: bytes, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LOCK_WAIT", 0.3)
    source.stall = threading.Event()
    first = asyncio.create_task(fetch_model(target, pinned(source, archive)))
    while not source.requests:
        await asyncio.sleep(0.01)
    with pytest.raises(BusyError):
        await fetch_model(target, pinned(source, archive))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.stall.set()


async def test_a_full_disk_is_seen_before_it_is_full(
    source: WebSource, archive: bytes, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5_000_000))
    with pytest.raises(UnavailableError, match=r"needs \d+ MB .* 4 MB are free"):
        await fetch_model(target, pinned(source, archive))


def test_a_write_that_fails_is_named(source: WebSource, archive: bytes, target: Path) -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n{FETCH}"
    done = subprocess.run(
        [sys.executable, "-c", limited, str(target), pinned(source, archive)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert "UnavailableError: The embedding model cannot be stored" in done.stderr
    assert not target.exists()


async def test_a_place_that_cannot_be_written_is_named(source: WebSource, archive: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot be stored"):
        await fetch_model(tmp_path / "file" / "models" / "m", pinned(source, archive))


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def _good() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [(_member(f"onnx/{name}", size=len(content)), content) for name, content in tiny_model().items()]


def _with(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    return pack_members([*members, *_good()])


def _bomb() -> bytes:
    buffer = io.BytesIO()
    with gzip.open(buffer, "wb", compresslevel=1) as zipped:
        header = _member("onnx/model.onnx", size=10 * MAX_UNPACKED).tobuf()
        zipped.write(header)
        block = bytes(4_000_000)
        for _ in range(MAX_UNPACKED // len(block) + 2):
            zipped.write(block)
    return buffer.getvalue()


def _sparse_bomb() -> bytes:
    # Declares a terabyte that consists of a hole, in the old GNU format.
    header = bytearray(_member("onnx/model.onnx", tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"0" + b"%011o" % (2**32 - 1)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return gzip.compress(bytes(header) + bytes(1024))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "leads out": lambda: _with((_member("../../escaped", size=1), b"x")),
    "is absolute": lambda: _with((_member("/tmp/lra-escaped", size=1), b"x")),
    "leads out by backslash": lambda: _with((_member("..\\escaped", size=1), b"x")),
    "has a symbolic link": lambda: _with((_member("onnx/model.onnx", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "has a link under another name": lambda: _with((_member("onnx/x", tarfile.SYMTYPE, "../.."), b"")),
    "has a hard link": lambda: _with((_member("onnx/vocab.txt", tarfile.LNKTYPE, "/etc/passwd"), b"")),
    "has a device": lambda: _with((_member("onnx/vocab.txt", tarfile.CHRTYPE), b"")),
    "has a pipe": lambda: _with((_member("vocab.txt", tarfile.FIFOTYPE), b"")),
    "has a file twice": lambda: _with((_member("model.onnx", size=1), b"x")),
    "has too many entries": lambda: _with(*((_member(f"x{i}", size=0), b"") for i in range(100))),
    "is a bomb": _bomb,
    "is a sparse bomb": _sparse_bomb,
    "lacks a file": lambda: pack({name: b"" for name in FILES if name != "model.onnx"}),
    "is cut": lambda: _with()[:-200],
    "is no archive": lambda: b"<html>Please log in</html>" * 100,
    "is empty": lambda: b"",
    "is no tar": lambda: gzip.compress(b"hello" * 1000),
}


@pytest.mark.parametrize("fault", HOSTILE)
async def test_a_hostile_archive_does_nothing(source: WebSource, tmp_path: Path, fault: str) -> None:
    target = tmp_path / "a" / "b" / "home" / "models" / "all-MiniLM-L6-v2"
    source.files[ARCHIVE] = HOSTILE[fault]()
    with pytest.raises(UnavailableError, match="cannot be used"):
        await fetch_model(target, source.url + ARCHIVE)
    assert not target.exists()
    assert list(tmp_path.rglob("*escaped*")) == []
    assert not Path("/tmp/lra-escaped").exists()
    # The next try does not meet the same bytes again.
    source.files[ARCHIVE] = pack(tiny_model())
    await fetch_model(target, source.url + ARCHIVE)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == tiny_model()


async def test_other_files_in_an_archive_are_passed_over(source: WebSource, target: Path) -> None:
    source.files[ARCHIVE] = _with(
        (_member("onnx", tarfile.DIRTYPE), b""),
        (_member("./._model.onnx", size=2), b"xx"),
        (_member("README.md", size=2), b"xx"),
        (_member("other/model.onnx", size=2), b"xx"),
    )
    await fetch_model(target, source.url + ARCHIVE)
    assert names(target) == set(FILES)
