"""Output of one call: passed on up to a limit, its end kept, the whole in a file."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable, Sequence

Send = Callable[[str, str], None]
OpenFile = Callable[[str], int]
FOLDER = ".output"
_PIECE = 32 * 1024


class Capture:
    """Gathers both streams of a call.

    The first half of the limit goes out as it comes. Of the rest the last half is kept and goes out at the end;
    what lies between is counted. Once something is cut, the whole is written to a file, from the first byte on.

    Args:
        limit: Bytes that are passed on.
        send: Takes the stream's name and a text.
        open_file: Opens a new file in the workspace by its path.
        name: What the file is called.
    """

    def __init__(self, limit: int, send: Send, open_file: OpenFile, name: str) -> None:
        self._head_left = limit - limit // 2
        self._tail_limit = limit // 2
        self._send = send
        self._open_file = open_file
        self._path = f"{FOLDER}/{name}.txt"
        self._decoders = {each: codecs.getincrementaldecoder("utf-8")("replace") for each in ("stdout", "stderr")}
        self._waiting: list[tuple[str, bytes]] = []
        self._waiting_bytes = 0
        self._head: list[bytes] = []
        self._tail: deque[tuple[str, bytearray]] = deque()
        self._tail_bytes = 0
        self._cut = {"stdout": 0, "stderr": 0}
        self._file: int | None = None
        self._file_bytes = 0
        self._file_full = False
        self.total = {"stdout": 0, "stderr": 0}

    @property
    def waiting(self) -> bool:
        """Whether something has not gone out yet that may."""
        return bool(self._waiting)

    def add(self, stream: str, data: bytes) -> None:
        """Take what a stream wrote.

        Args:
            stream: stdout or stderr.
            data: The bytes.
        """
        self.total[stream] += len(data)
        if self._head_left:
            now, data = data[: self._head_left], data[self._head_left :]
            self._head_left -= len(now)
            self._head.append(now)
            self._waiting.append((stream, now))
            self._waiting_bytes += len(now)
            if self._waiting_bytes >= 64 * 1024:
                self.flush()
        if data:
            self._keep(stream, data)

    def flush(self) -> None:
        """Pass on what has been gathered, neighbours of one stream as one text."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._pass_on(waiting)

    def finish(self) -> dict[str, object] | None:
        """Send the end; return what was cut and where the whole is, or None when nothing was cut."""
        self.flush()
        cut = sum(self._cut.values())
        if cut:
            for each, decoder in self._decoders.items():
                if rest := decoder.decode(b"", True):
                    self._send(each, rest)
            self._send("stdout", f"\n… {cut:,} bytes cut …\n")
        self._pass_on(list(self._tail))
        for each, decoder in self._decoders.items():
            if rest := decoder.decode(b"", True):
                self._send(each, rest)
        if self._file is not None:
            os.close(self._file)
        if not cut:
            return None
        return {
            "stdout": self._cut["stdout"],
            "stderr": self._cut["stderr"],
            "file": self._path if self._file_bytes else None,
            "file_bytes": self._file_bytes,
            "complete": not self._file_full,
        }

    def _pass_on(self, pieces: Sequence[tuple[str, bytes | bytearray]]) -> None:
        at = 0
        while at < len(pieces):
            stream, end = pieces[at][0], at
            while end < len(pieces) and pieces[end][0] == stream:
                end += 1
            text = self._decoders[stream].decode(b"".join(data for _, data in pieces[at:end]))
            if text:
                self._send(stream, text)
            at = end

    def _keep(self, stream: str, data: bytes) -> None:
        if self._file is not None:
            self._spill(data)
        if self._tail and self._tail[-1][0] == stream and len(self._tail[-1][1]) < _PIECE:
            self._tail[-1][1].extend(data)
        else:
            self._tail.append((stream, bytearray(data)))
        self._tail_bytes += len(data)
        over = self._tail_bytes - self._tail_limit
        if over > 0 and self._file is None:
            self._spill(b"".join([*self._head, *(piece for _, piece in self._tail)]))
            self._head.clear()
        while over > 0:
            first_stream, first = self._tail[0]
            gone = min(over, len(first))
            if gone == len(first):
                self._tail.popleft()
            else:
                del first[:gone]
            self._cut[first_stream] += gone
            self._tail_bytes -= gone
            over -= gone

    def _spill(self, data: bytes) -> None:
        if self._file_full:
            return
        try:
            if self._file is None:
                self._file = self._open_file(self._path)
            self._write(data)
        except OSError:
            self._file_full = True  # the disk's limit, or the folder was made unusable

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            self._file_bytes += written
            view = view[written:]
