"""Frames: four bytes of length, big endian, then JSON; a field `blob` announces a raw frame that follows."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

VERSION = 1
MAX_FRAME = 16 * 1024 * 1024
"""No frame is longer; whoever announces more is cut off."""
CHUNK = 256 * 1024
"""Files cross in pieces of this size."""

Message = dict[str, Any]


class ProtocolError(Exception):
    """The other side does not speak this protocol."""


def encode(message: Message, blob: bytes | None = None) -> bytes:
    """Return the bytes of one message and what it carries.

    Args:
        message: JSON object.
        blob: Raw bytes to send along.
    """
    if blob is not None:
        message = {**message, "blob": len(blob)}
    body = json.dumps(message, separators=(",", ":")).encode()
    head = struct.pack("!I", len(body)) + body
    return head if blob is None else head + struct.pack("!I", len(blob)) + blob


class Decoder:
    """Takes bytes as they come, gives whole messages."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._waiting: Message | None = None
        """A message whose blob has not come yet."""

    def feed(self, data: bytes) -> Iterator[tuple[Message, bytes | None]]:
        """Yield the messages that are complete.

        Args:
            data: What was read.

        Raises:
            ProtocolError: A frame is too long or not what it should be.
        """
        self._buffer += data
        while len(self._buffer) >= 4:
            (length,) = struct.unpack_from("!I", self._buffer)
            if length > self.limit:
                raise ProtocolError("a frame is too long")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            message = self._waiting
            if message is not None:
                if length != message["blob"]:
                    raise ProtocolError("a blob has another length than announced")
                self._waiting = None
                yield message, body
                continue
            message = _parse(body)
            if "blob" in message:
                if not isinstance(message["blob"], int):
                    raise ProtocolError("a blob's length is no number")
                self._waiting = message
            else:
                yield message, None


def _parse(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise ProtocolError("a frame is not JSON") from None
    if not isinstance(message, dict):
        raise ProtocolError("a frame is not an object")
    return message
