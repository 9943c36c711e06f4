"""Fetching the default embedding model, once for all processes of a person."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lra.errors import BusyError, ConfigError, UnavailableError
from lra.memory.embedding.archive import extract_model
from lra.memory.embedding.files import FILES, MODEL, has_model
from lra.memory.embedding.lock import FileLock
from lra.memory.embedding.transfer import Download, Progress, fetch, in_thread

if TYPE_CHECKING:
    import httpx

DEADLINE = 3600.0
"""Seconds for everything; what came until then stays for the next try."""
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0
"""Seconds without a single byte."""
LOCK_WAIT = 900.0
"""Seconds for which a second process waits for the first."""
LOCK_POLL = 0.25
UNPACKED_BYTES = 120 * 1024 * 1024
"""Room that the unpacked files need beside the archive."""


async def fetch_model(
    target: Path, base_url: str, *, on_progress: Callable[[int, int | None], None] | None = None
) -> None:
    """Bring the model's files into a folder; returns at once when they are there.

    A second process waits for the first and then finds the files. An interrupted fetch continues where it ended,
    and the files appear in `target` only when all of them are whole.

    Args:
        target: Folder for the files, private to the user.
        base_url: Either an archive (`….tar.gz`) or the root of a model repository that has `onnx/model.onnx`.
            `#sha256=<64 hex digits>` at its end pins the archive or the model file.
        on_progress: Called in the event loop with bytes so far and bytes in all (None while unknown).

    Raises:
        UnavailableError: No network, wrong or damaged content, no room, or the folder cannot be written to.
        BusyError: Another process has been fetching for a long time.
        ConfigError: The pin is none.
    """
    try:
        async with _only_one(target), asyncio.timeout(DEADLINE):
            if not await in_thread(has_model, target):
                await _fetch_model(target, base_url, on_progress or (lambda done, total: None))
    except TimeoutError as error:
        raise UnavailableError(
            f"The embedding model did not arrive within {DEADLINE / 60:.0f} minutes; the next try continues there."
        ) from error
    except OSError as error:
        raise _cannot_write(target, error) from error


async def _fetch_model(target: Path, base_url: str, on_progress: Progress) -> None:
    url, _, fragment = base_url.partition("#")
    pin = _pin(fragment)
    work = target.with_name(f"{target.name}.part")
    await in_thread(_make_private, work)
    client = await in_thread(_client)
    async with client:
        if urlsplit(url).path.endswith((".tar.gz", ".tgz")):
            archive = Download(url, work / "archive.tar.gz", pin, UNPACKED_BYTES)
            await fetch(client, archive, on_progress)
            try:
                await in_thread(extract_model, archive.part, work)
            except UnavailableError:
                await in_thread(archive.forget)
                raise
        else:
            await _fetch_files(client, url.rstrip("/"), work, pin, on_progress)
    await in_thread(_install, work, target)


async def _fetch_files(
    client: httpx.AsyncClient, base_url: str, work: Path, pin: str | None, on_progress: Progress
) -> None:
    before = 0

    def report(done: int, total: int | None) -> None:
        # Only the last file, the model, is large enough for its size to stand for the whole.
        on_progress(before + done, before + total if total is not None and name == MODEL else None)

    for name in FILES:
        path = f"onnx/{name}" if name == MODEL else name
        download = Download(f"{base_url}/{path}", work / name, pin if name == MODEL else None)
        await fetch(client, download, report)
        before += await in_thread(_size, download.part)


def _pin(fragment: str) -> str | None:
    if not fragment:
        return None
    if found := re.fullmatch(r"sha256=([0-9a-fA-F]{64})", fragment):
        return found[1].lower()
    raise ConfigError(
        f"The embedding model's URL ends in #{fragment}, which is no checksum.",
        hint="Write #sha256= and 64 hex digits in LRA_EMBEDDING_URL, or nothing.",
    )


@asynccontextmanager
async def _only_one(target: Path) -> AsyncIterator[None]:
    await in_thread(_make_private, target.parent)
    lock = FileLock(target.with_name(f"{target.name}.lock"))
    deadline = time.monotonic() + LOCK_WAIT
    try:
        while not await in_thread(lock.try_acquire):
            if time.monotonic() > deadline:
                raise BusyError("Another process has been fetching the embedding model for a long time.")
            await asyncio.sleep(LOCK_POLL)
        yield
    finally:
        lock.release()


def _client() -> httpx.AsyncClient:
    import httpx

    try:
        return httpx.AsyncClient(
            follow_redirects=True,
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            headers={"User-Agent": "lra"},
        )
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        raise UnavailableError(f"The proxy set in the environment cannot be used: {error}.") from error


def _make_private(folder: Path) -> None:
    """Create a folder with its parents, each private to the user; existing ones stay as they are."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(mode=0o700, exist_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size


def _install(work: Path, target: Path) -> None:
    _make_private(target)
    for name in FILES:
        path = work / name
        with path.open("r+b") as file:
            # A file that is there after a power cut must also be whole.
            os.fsync(file.fileno())
        os.replace(path, target / name)
    shutil.rmtree(work, ignore_errors=True)


def _cannot_write(target: Path, error: OSError) -> UnavailableError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(
            f"No room is left for the embedding model in {target.parent}.",
            hint="Make room, or set LRA_EMBEDDING=none.",
        )
    reason = error.strerror or str(error)
    return UnavailableError(f"The embedding model cannot be stored in {target}: {reason}.")
