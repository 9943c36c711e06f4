"""Events of a call as an answer: one object, or a line for each as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from sandbox.errors import SandboxError
from sandbox.problems import Json, problem_of

NDJSON = "application/x-ndjson"
_ALIVE_SECONDS = 5.0
Events = AsyncGenerator[dict[str, Any], None]


async def answer(request: Request, events: Events) -> Response:
    """Return what a call does, in the form that was asked for; a caller that hangs up has the call interrupted.

    Args:
        request: What was asked.
        events: The call.
    """
    if NDJSON in request.headers.get("accept", ""):
        return await _as_lines(request, events)
    gathering = asyncio.create_task(_gather(events))
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({gathering, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not gathering.done():
            return Response(status_code=499)
        return Json(gathering.result())
    finally:
        # A caller that hung up wants no result: the code is interrupted.
        for task in (gathering, gone):
            task.cancel()
        await asyncio.gather(gathering, gone, return_exceptions=True)
        await events.aclose()


async def _as_lines(request: Request, events: Events) -> Response:
    """Return the events as they come, once there is a first one or has been none for a while."""
    first = asyncio.ensure_future(anext(events))
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({first, gone}, return_when=asyncio.FIRST_COMPLETED, timeout=_ALIVE_SECONDS)
        if first.done():
            first.result()  # what is wrong with the request is an answer of its own
        elif gone.done():
            await _end(first, events)
            return Response(status_code=499)
        return _Lines(first, events)
    except BaseException:
        await _end(first, events)
        raise
    finally:
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


class _Lines(StreamingResponse):
    """Events as lines; however the answer ends, also before its first line, the call ends with it.

    Args:
        first: The first event, which may still be waited for.
        events: Those that follow.
    """

    def __init__(self, first: asyncio.Future[dict[str, Any]], events: Events) -> None:
        super().__init__(self._lines(), media_type=NDJSON)
        self._waiting: asyncio.Future[dict[str, Any]] | None = first
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await _end(self._waiting, self._events)

    async def _lines(self) -> AsyncIterator[str]:
        while True:
            waiting = self._waiting = self._waiting or asyncio.ensure_future(anext(self._events))
            done, _ = await asyncio.wait({waiting}, timeout=_ALIVE_SECONDS)
            if not done:
                yield '{"event": "alive"}\n'
                continue
            self._waiting = None
            try:
                yield json.dumps(waiting.result()) + "\n"
            except StopAsyncIteration:
                return
            except SandboxError as error:
                yield json.dumps({"event": "problem", **problem_of(error)}) + "\n"
                return


async def _end(waiting: asyncio.Future[dict[str, Any]] | None, events: Events) -> None:
    """End a call, also one whose next event is waited for."""
    if waiting is not None:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await events.aclose()


async def streamed(pieces: AsyncGenerator[bytes, None], media_type: str) -> Response:
    """Return bytes as they come; what is wrong with the request is an answer of its own.

    Args:
        pieces: The bytes.
        media_type: What they are.
    """
    first = await anext(pieces, b"")

    async def stream() -> AsyncIterator[bytes]:
        try:
            yield first
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    return StreamingResponse(stream(), media_type=media_type, headers={"X-Content-Type-Options": "nosniff"})


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _gather(events: Events) -> dict[str, Any]:
    """Return the events of a call as one object."""
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    shown: list[Any] = []
    result, done = None, dict[str, Any]()
    async for event in events:
        kind = event.get("event")
        if kind in texts:
            texts[kind].append(event["text"])
        elif kind == "display":
            shown.append(event["data"])
        elif kind == "result":
            result = event["data"]
        elif kind == "done":
            done = {name: value for name, value in event.items() if name != "event"}
    return {
        "type": "result" if done.get("status") == "ok" else "error",
        "success": done.get("status") == "ok",
        "stdout": "".join(texts["stdout"]),
        "stderr": "".join(texts["stderr"]),
        "result": result,
        "displays": shown,
        **done,
    }
