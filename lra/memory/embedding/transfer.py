"""Fetching one file over HTTP: resumable, bounded and checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from lra.errors import UnavailableError
from lra.memory.embedding.checksums import sha256_of

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")
Progress = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in all, None while that is unknown."""

ATTEMPTS = 5
FLUSH_BYTES = 256 * 1024
MAX_BYTES = 512 * 1024 * 1024
"""Largest file that is accepted."""
ERRNO = re.compile(r"\[Errno -?\d+\] ?")
UNKNOWN_NAME = re.compile(r"name or service|name resolution|nodename|no address associated|getaddrinfo", re.I)
RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Download:
    """One file on its way.

    Args:
        url: Where it comes from.
        part: Where its bytes gather; a note about their source lies beside it.
        sha256: What its content must hash to; None when nobody has published that.
        reserve: Free bytes that must be left on the disk afterwards.
    """

    url: str
    part: Path
    sha256: str | None = None
    reserve: int = 16 * 1024 * 1024

    @property
    def note(self) -> Path:
        """Where the source of the bytes so far is written down."""
        return self.part.with_name(f"{self.part.name}.source")

    def forget(self) -> None:
        """Delete what was fetched so far."""
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Have:
    """What an earlier attempt left behind."""

    bytes: int = 0
    validator: str | None = None
    total: int | None = None


class _StartAgain(Exception):
    """The bytes so far do not fit what the server has now."""


async def in_thread(job: Callable[..., T], *args: object) -> T:
    """Run blocking work in a thread; a cancelled caller still waits for it, so that no write goes on unseen."""
    work = asyncio.ensure_future(asyncio.to_thread(job, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def shown(url: str) -> str:
    """Return a URL without what may be secret in it: user, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


async def fetch(client: httpx.AsyncClient, download: Download, on_progress: Progress) -> None:
    """Fetch a file into `download.part`, continuing where an earlier attempt ended.

    A connection that breaks is taken up again as long as each attempt brings new bytes.

    Raises:
        UnavailableError: The source cannot be reached, refuses, ends early or has other content than published.
        OSError: The part cannot be written.
    """
    import httpx

    for attempt in range(1, ATTEMPTS + 1):
        before = (await in_thread(_have, download)).bytes
        try:
            await _attempt(client, download, on_progress)
            break
        except _StartAgain:
            await in_thread(download.forget)
        except (httpx.RequestError, httpx.InvalidURL) as error:
            have = (await in_thread(_have, download)).bytes
            if have <= before or attempt == ATTEMPTS:
                raise _unreachable(download, have, error) from error
            await asyncio.sleep(0.2 * attempt)
    else:
        raise UnavailableError(f"{shown(download.url)} changes while it is fetched.", hint="Try again later.")
    await in_thread(_verify, download)


async def _attempt(client: httpx.AsyncClient, download: Download, on_progress: Progress) -> None:
    have = await in_thread(_have, download)
    if have.bytes and have.bytes == have.total and download.sha256:
        return
    headers = {"Accept-Encoding": "identity"}
    if have.bytes:
        headers["Range"] = f"bytes={have.bytes}-"
        if have.validator:
            headers["If-Range"] = have.validator
    async with client.stream("GET", download.url, headers=headers) as response:
        start, total = _position(response, have)
        if response.status_code == 416:
            return
        if download.sha256 is None and download.url.startswith("https:") and response.url.scheme != "https":
            raise UnavailableError(f"{shown(download.url)} leads to an unencrypted address.")
        if total is not None and total > MAX_BYTES:
            raise UnavailableError(f"{shown(download.url)} is {total // 1024**2} MB: too large to be the model.")
        await in_thread(_begin, download, start, total, response)
        await _receive(response, download, start, total, on_progress)


async def _receive(
    response: httpx.Response, download: Download, start: int, total: int | None, on_progress: Progress
) -> None:
    done, waiting = start, bytearray()
    on_progress(done, total)
    try:
        async for data in response.aiter_raw():
            done += len(data)
            waiting += data
            if done > (MAX_BYTES if total is None else total):
                raise _StartAgain
            if len(waiting) >= FLUSH_BYTES:
                chunk, waiting = bytes(waiting), bytearray()
                await in_thread(_append, download.part, chunk)
            on_progress(done, total)
    finally:
        # What arrived before a break or a cancellation need not come again.
        await in_thread(_append, download.part, bytes(waiting))


def _position(response: httpx.Response, have: _Have) -> tuple[int, int | None]:
    """Return where the response's bytes belong and how long the whole file is."""
    length = response.headers.get("content-length", "")
    match response.status_code:
        case 200:
            return 0, int(length) if length.isdecimal() else None
        case 206 | 416 if have.bytes:
            found = RANGE.fullmatch(response.headers.get("content-range", ""))
            start = int(found[1]) if found and found[1] else have.bytes
            total = int(found[2]) if found and found[2] != "*" else None
            if response.status_code == 416:
                complete = total == have.bytes
            else:
                complete = found is not None and start == have.bytes
            if not complete or (have.total is not None and total not in (None, have.total)):
                raise _StartAgain
            return start, total if total is not None else have.total
    reason = f"{response.status_code} {response.reason_phrase}".strip()
    hint = "Check LRA_EMBEDDING_URL." if response.status_code < 500 else "Try again later."
    raise UnavailableError(f"{shown(str(response.request.url))} answered {reason}.", hint=hint)


def _have(download: Download) -> _Have:
    try:
        size = download.part.stat().st_size
        note: dict[str, Any] = json.loads(download.note.read_text("utf-8"))
        known = note["source"] == _source_id(download)
        validator, total = note["validator"], note["total"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return _Have()
    # Without a validator or a checksum nothing could tell an older file's beginning from this one's.
    if not known or not (validator or download.sha256) or size > MAX_BYTES:
        return _Have()
    return _Have(size, validator, total)


def _source_id(download: Download) -> str:
    # A URL may hold credentials, which do not belong on the disk.
    return hashlib.sha256(f"{download.url} {download.sha256}".encode()).hexdigest()


def _begin(download: Download, start: int, total: int | None, response: httpx.Response) -> None:
    if total is not None:
        free = shutil.disk_usage(download.part.parent).free
        if free < total - start + download.reserve:
            needed = (total - start + download.reserve) // 1024**2
            raise UnavailableError(
                f"The embedding model needs {needed} MB in {download.part.parent} and {free // 1024**2} MB are free.",
                hint="Make room, or set LRA_EMBEDDING=none.",
            )
    if start:
        return
    etag = response.headers.get("etag", "")
    validator = etag if etag.startswith('"') else response.headers.get("last-modified")
    download.forget()
    download.part.touch(mode=0o600)
    download.note.touch(mode=0o600)
    note = {"source": _source_id(download), "validator": validator, "total": total}
    download.note.write_text(json.dumps(note), "utf-8")


def _append(path: Path, data: bytes) -> None:
    if data:
        with path.open("ab") as file:
            file.write(data)


def _verify(download: Download) -> None:
    if download.sha256 is None:
        return
    got = sha256_of(download.part)
    if got != download.sha256:
        download.forget()
        raise UnavailableError(
            f"{shown(download.url)} is not the file that was published (its sha256 should be {download.sha256} "
            f"and is {got}); what was fetched is deleted.",
            hint="Try again; if it stays so, do not use this source and set LRA_EMBEDDING_URL to another.",
        )


def _plain(reason: str) -> str:
    """Return why a connection failed without the system's numbers and jargon."""
    reason = ERRNO.sub("", reason)
    if UNKNOWN_NAME.search(reason):
        return "its name cannot be looked up (is there a network?)"
    return "there is no connection (is there a network?)" if "connection attempts failed" in reason else reason


def _unreachable(download: Download, have: int, error: Exception) -> UnavailableError:
    host = urlsplit(download.url).hostname or shown(download.url)
    reason = _plain(" ".join(str(error).split()).rstrip(".") or type(error).__name__)[:160]
    if have:
        return UnavailableError(
            f"The connection to {host} broke off after {have // 1000} kB ({reason}); the next try continues there."
        )
    return UnavailableError(f"{host} cannot be reached: {reason}.")
