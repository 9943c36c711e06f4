"""Asking a search engine: a SearXNG server of the person's choice, or DuckDuckGo."""

from __future__ import annotations

import asyncio
from typing import Any

from lra.errors import LraError
from lra.text import clean_text, one_line

_SECONDS = 15
_MOST_BYTES = 2_000_000
_MOST_SNIPPET = 500
_MOST_URL = 2_000


async def search(query: str, limit: int, *, server: str | None = None) -> list[dict[str, str]]:
    """Return what an engine finds, the best first.

    Args:
        query: What to look for.
        limit: How many results at most.
        server: Base URL of a SearXNG server; without one, DuckDuckGo is asked.

    Raises:
        LraError: There is no answer; the sentence says why.
    """
    if server:
        found = await _ask_searxng(server, query)
    else:
        found = await asyncio.to_thread(_ask_duckduckgo, query, limit)
    return [each for each in map(_result, found) if each["url"].startswith(("http://", "https://"))][:limit]


async def _ask_searxng(server: str, query: str) -> list[dict[str, Any]]:
    httpx = await asyncio.to_thread(_httpx)
    try:
        async with asyncio.timeout(_SECONDS), httpx.AsyncClient(timeout=_SECONDS) as client:
            params = {"q": query, "format": "json"}
            async with client.stream("GET", f"{server.rstrip('/')}/search", params=params) as response:
                if response.status_code == 403:
                    raise LraError(f"The search server {server} does not answer in JSON: its settings forbid it.")
                if response.status_code != 200:
                    raise LraError(f"The search server {server} answered with HTTP {response.status_code}.")
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise LraError(f"The search server {server} sent more than can be results.")
        found = httpx.Response(200, content=body).json()["results"]
    except (httpx.HTTPError, TimeoutError) as error:
        raise LraError(f"The search server {server} cannot be reached ({type(error).__name__}).") from None
    except (ValueError, KeyError, TypeError):
        raise LraError(f"The search server {server} sent something else than results.") from None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _httpx() -> Any:
    import httpx

    return httpx


def _ask_duckduckgo(query: str, limit: int) -> list[dict[str, Any]]:
    """Blocks."""
    from ddgs import DDGS
    from ddgs.exceptions import DDGSException, RatelimitException

    try:
        return list(DDGS(timeout=_SECONDS).text(query, max_results=limit, backend="duckduckgo"))
    except RatelimitException:
        raise LraError("DuckDuckGo wants fewer searches; try again later.") from None
    except DDGSException as error:
        if "no results" in str(error).lower():
            return []
        kind = one_line(clean_text(str(error)), 200).partition(":")[0]
        raise LraError(f"DuckDuckGo cannot be asked ({kind}).") from None


def _result(found: dict[str, Any]) -> dict[str, str]:
    """Both call the same things by different names."""
    url = found.get("url") or found.get("href") or ""
    snippet = found.get("content") or found.get("body") or ""
    return {
        "title": one_line(clean_text(str(found.get("title") or "")), 200),
        "url": one_line(clean_text(str(url)), _MOST_URL),
        "snippet": one_line(clean_text(str(snippet)), _MOST_SNIPPET),
    }
