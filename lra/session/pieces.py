"""The streamed pieces of an answer: put on disk, then told, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from lra.events import Event, TextDelta, ThinkingDelta
from lra.session.recorder import Recorder
from lra.text import clean_text

Kind = Literal["text", "thinking"]
Piece = tuple[Kind, str]

FLUSH_SECONDS = 0.02
"""How long streamed pieces may wait for each other; nobody reads faster."""


class Pieces:
    """Takes the pieces of one turn's responses.

    Args:
        recorder: Where they are kept until the whole response is.
        emit: Who is told.
    """

    def __init__(self, recorder: Recorder, emit: Callable[[Event], None]) -> None:
        self._recorder = recorder
        self._emit = emit
        self._pending: list[Piece] = []
        self._half: dict[Kind, str] = {}
        self._arrived = asyncio.Event()
        self._lock = asyncio.Lock()
        self._flusher: asyncio.Task[None] | None = None
        self._ordinal = 0
        """Number of the response that is arriving."""
        self.partial: list[Piece] = []
        """What has arrived of it."""

    @property
    def mid_answer(self) -> bool:
        """Whether pieces of a response have arrived that is not complete."""
        return bool(self.partial) and self._ordinal > self._recorder.complete

    def start(self) -> None:
        """Begin to flush what arrives."""
        self._flusher = asyncio.create_task(self._flush_forever())

    async def stop(self) -> None:
        """End it; pieces of a response that is whole by now stay for `tell`, since the whole is journalled next."""
        self.end_part()
        # Under the lock, so that no piece is lost between being taken and being written.
        async with self._lock:
            if self._flusher is not None:
                self._flusher.cancel()
        if self._recorder.last is None:
            await self.flush()

    async def next_response(self) -> None:
        """Begin with the pieces of another response."""
        await self.flush()
        self._ordinal += 1
        self.partial = []

    def add(self, kind: Kind, text: str) -> None:
        """Take a piece."""
        text = self._half.pop(kind, "") + text
        if text and "\ud800" <= text[-1] <= "\udbff":
            # The first half of a character; a server may send the second in its next piece.
            self._half[kind], text = text[-1], text[:-1]
        if text:
            self._keep(kind, clean_text(text))

    def end_part(self) -> None:
        """Take half characters as they are: their other halves do not come."""
        for kind, half in self._half.items():
            self._keep(kind, clean_text(half))
        self._half.clear()

    def _keep(self, kind: Kind, text: str) -> None:
        self.partial.append((kind, text))
        self._pending.append((kind, text))
        self._arrived.set()

    async def _flush_forever(self) -> None:
        # What arrives during a write or soon after goes into the next one, so a fast model costs few writes.
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self.flush()
            await asyncio.sleep(FLUSH_SECONDS)

    async def flush(self) -> None:
        """Put what is pending on disk, then tell it."""
        async with self._lock:
            pieces, self._pending = _merge(self._pending), []
            if pieces:
                await self._recorder.stream(self._ordinal, pieces)
                self._say(pieces)

    def tell(self) -> None:
        """Tell what is pending, which is on disk by now."""
        pieces, self._pending = _merge(self._pending), []
        self._say(pieces)

    def _say(self, pieces: Sequence[Piece]) -> None:
        for kind, text in pieces:
            self._emit(TextDelta(text=text) if kind == "text" else ThinkingDelta(text=text))


def _merge(pieces: Sequence[Piece]) -> list[Piece]:
    merged: list[Piece] = []
    for kind, text in pieces:
        if merged and merged[-1][0] == kind:
            merged[-1] = (kind, merged[-1][1] + text)
        else:
            merged.append((kind, text))
    return merged
