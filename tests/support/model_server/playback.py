"""Sending a scripted answer: its pace, its holds, and connections that break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .script import Step
from .state import Gate, RecordedRequest
from .wire import Frame

GARBAGE_BODY = b"<html><body>Bad gateway</body></html>"
GARBAGE_STREAM = b"data: {this is not JSON\n\n\xff\xfe\n\n"


class LooseProtocol(H11Protocol):
    """uvicorn's protocol, with the transport in the request's state so that an answer can break off."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the transport of this connection."""
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Playback(Response):
    """A response that is sent frame by frame as a step says, until it ends or the client goes."""

    def __init__(
        self,
        frames: Iterable[Frame],
        step: Step,
        gate: Gate,
        record: RecordedRequest,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
        broken_by: bytes = b"",
    ) -> None:
        """Prepare an answer.

        Args:
            frames: What to send.
            step: How to send it.
            gate: Where to wait when the step holds.
            record: Where to note progress.
            status: The HTTP status.
            headers: Further headers.
            media_type: The content type.
            broken_by: The event that a `stream_error` fault sends in place of the rest.
        """
        super().__init__(status_code=status, headers=headers, media_type=media_type)
        # The length is not known beforehand, and a body cut short is only noticed in a chunked one.
        del self.headers["content-length"]
        self._frames = frames
        self._step = step
        self._gate = gate
        self._record = record
        self._broken_by = broken_by

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, watching for the client to leave."""
        sending = asyncio.create_task(self._send(scope["state"]["transport"], send))
        leaving = asyncio.create_task(_client_leaves(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            self._record.client_gone = not (sending.done() or self._record.done)
            if sending.done() and not sending.exception() and not self._record.done:
                await leaving
        finally:
            for task in (sending, leaving):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def _send(self, transport: asyncio.Transport, send: Send) -> None:
        record, step, fault = self._record, self._step, self._step.fault
        cut_after = fault.after if fault and fault.kind in ("truncate", "stream_error") else None
        await asyncio.sleep(step.delay)
        if step.hold == 0:
            await self._gate.wait()
        if fault and fault.kind == "silence":
            await asyncio.Event().wait()
        if fault and fault.kind == "hang_up":
            transport.close()
            return
        record.status = self.status_code
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for frame in self._frames:
            if frame.content and record.chunks == cut_after:
                break
            if frame.content and record.chunks:
                await asyncio.sleep(step.chunk_delay)
            await send({"type": "http.response.body", "body": frame.data, "more_body": True})
            record.chunks += frame.content
            if frame.content and record.chunks == step.hold:
                await self._gate.wait()
        if cut_after is not None and not self._broken_by:
            # Closing rather than aborting lets the client still read what was sent.
            transport.close()
            return
        await send({"type": "http.response.body", "body": self._broken_by, "more_body": False})
        record.done = True


async def _client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def json_frames(answer: dict[str, Any], pieces: int = 1) -> Iterator[Frame]:
    """A JSON body as frames, in several pieces where it is to break."""
    data = json.dumps(answer).encode()
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        yield Frame(data[start : start + size], content=True)
