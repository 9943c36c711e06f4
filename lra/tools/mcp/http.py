"""A server that is reached over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage

from lra.tools.mcp.config import ServerConfig, fill_in
from lra.tools.mcp.guard import MOST_BYTES, Guard, Lifeline
from lra.tools.mcp.stdio import Streams


@asynccontextmanager
async def http_streams(config: ServerConfig, lifeline: Lifeline) -> AsyncGenerator[Streams]:
    """Yield what the session with a server reads from and writes to.

    Args:
        config: The server.
        lifeline: Is ended when the server floods.

    Raises:
        ConfigError: A variable its file names is not set.
    """
    # What is packed could unpack to anything.
    headers = {"accept-encoding": "identity"} | {name: fill_in(text) for name, text in config.headers.items()}
    guard = Guard(lifeline)
    incoming, for_session = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    async with (
        httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(30.0, read=config.timeout),
            event_hooks={"response": [_cap]},
        ) as client,
        streamable_http_client(fill_in(config.url), http_client=client, max_sse_event_size=MOST_BYTES) as (
            messages,
            from_session,
        ),
    ):

        async def sift() -> None:
            async with incoming:
                async for each in messages:
                    if isinstance(each, Exception) or guard.wanted(each.message):
                        await incoming.send(each)

        sifting = asyncio.create_task(sift())
        try:
            yield for_session, from_session  # type: ignore[misc] # a wrapped stream that does the same
        finally:
            sifting.cancel()
            await asyncio.gather(sifting, return_exceptions=True)
            for_session.close()


async def _cap(response: httpx2.Response) -> None:
    """Let no answer grow without end; streams of events are bounded event by event."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.ReadError("it packs its answers, though it was asked not to")
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Capped(response.stream)


class _Capped(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx2.ReadError(f"an answer of more than {MOST_BYTES // 1_000_000} MB")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
