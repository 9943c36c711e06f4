"""Reading one page: only from the host that was asked for, never from this machine or its network."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from lra.errors import LraError
from lra.text import clean_text, one_line

MOST_BYTES = 5_000_000
PAGE = 20_000
"""Characters of a page that go to the model at once."""
_SECONDS = 20
_OTHER_HOST = re.compile(r"Domain '([^']+)' is not in the allowed domains list")
_PRIVATE = re.compile(r"Access to private/internal IP address \(([^)]+)\)")


async def fetch(url: str, *, start: int = 0, private: bool = False) -> dict[str, Any]:
    """Return a page as text.

    Args:
        url: Its address.
        start: From which character on.
        private: Whether addresses of this machine and its network may be read.

    Raises:
        LraError: It cannot be read; the sentence says why.
    """
    from pydantic_ai import BinaryContent
    from pydantic_ai.exceptions import ModelRetry

    host = host_of(url)
    hosts = [host, host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"]
    fetching = await asyncio.to_thread(_fetching)
    tool = fetching(
        max_content_length=None,
        max_download_bytes=MOST_BYTES,
        timeout=_SECONDS,
        allow_local_urls=private,
        allowed_domains=hosts,
    )
    try:
        async with asyncio.timeout(2 * _SECONDS):
            page = await tool.function(url)
    except ModelRetry as error:
        raise LraError(_told(url, str(error))) from None
    except TimeoutError:
        raise LraError(f"{_shown(url)} did not come within {2 * _SECONDS} seconds.") from None
    if isinstance(page, BinaryContent):
        raise LraError(f"{_shown(url)} is no text: {page.media_type}, {len(page.data):,} bytes.")
    content = clean_text(page["content"])
    told: dict[str, Any] = {
        "url": url,
        "title": one_line(unescape(page["title"]), 300),
        "content": content[start : start + PAGE],
    }
    if len(content) > start + PAGE:
        told["more"] = f"{len(content) - start - PAGE:,} more characters, from start={start + PAGE}"
    return told


def host_of(url: str) -> str:
    """Return the host of an address that may be read.

    Raises:
        LraError: It is no http or https address.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise LraError(f"{_shown(url)} is no http:// or https:// address.")
    if parts.username is not None:
        raise LraError(f"{_shown(url.replace(parts.netloc, host))} must be given without a user's name and password.")
    return host


def _fetching() -> Any:
    # Parsers of HTML, of no use before a page is read.
    from pydantic_ai.common_tools.web_fetch import web_fetch_tool

    return web_fetch_tool


def _told(url: str, problem: str) -> str:
    if found := _OTHER_HOST.search(problem):
        return f"{_shown(url)} leads to another host, {one_line(found[1], 100)}: fetch that address by itself."
    if found := _PRIVATE.search(problem):
        return f"{_shown(url)} is at {found[1]}, in this machine's own network, which is not read."
    reason = problem.removeprefix(f"Failed to fetch {url}: ")
    return f"{_shown(url)} could not be read: {one_line(clean_text(reason), 300).rstrip('.')}."


def _shown(url: str) -> str:
    return one_line(clean_text(url), 200)
