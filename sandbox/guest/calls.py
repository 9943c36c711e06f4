"""A call that runs: its two pipes, what it wrote, and its answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from .loop import Loop, Timer
from .output import Capture, OpenFile
from .protocol import Message

Send = Callable[[Message], None]
_GATHER = 0.015
_READ = 64 * 1024


class Pipes:
    """The reading ends of standard output and error."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.out_read, self.out_write = os.pipe2(os.O_CLOEXEC)
        self.err_read, self.err_write = os.pipe2(os.O_CLOEXEC)
        for fd in (self.out_read, self.err_read):
            os.set_blocking(fd, False)
        self.take: Callable[[str, bytes], None] | None = None
        """Who gets what is read; without anybody it is dropped."""
        self._paused = False
        self._open = {self.out_read: "stdout", self.err_read: "stderr"}

    def close_writing(self) -> None:
        """Close the ends that the other process writes to."""
        os.close(self.out_write)
        os.close(self.err_write)
        self._watch()

    def pause(self, paused: bool) -> None:
        """Stop or go on reading: whoever writes waits meanwhile.

        Args:
            paused: Whether to stop.
        """
        if paused != self._paused:
            self._paused = paused
            self._watch()

    def drain(self) -> None:
        """Read what has been written up to now, at most what a pipe holds."""
        for fd in list(self._open):
            for _ in range(16):
                if fd not in self._open or not self._read(fd):
                    break

    def close(self) -> None:
        """Forget both."""
        for fd in list(self._open):
            self._drop(fd)

    def _watch(self) -> None:
        for fd in self._open:
            self._loop.watch(fd, read=None if self._paused else partial(self._read, fd))

    def _read(self, fd: int) -> bool:
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            self._drop(fd)
            return False
        if self.take is not None:
            self.take(self._open[fd], data)
        return True

    def _drop(self, fd: int) -> None:
        self._loop.watch(fd)
        del self._open[fd]
        os.close(fd)


class Call:
    """What the owner asked for by one request that takes time.

    Args:
        loop: The loop.
        request: The request's id.
        send: Sends a message to the owner.
        limit: Bytes of output that are passed on.
        open_file: Opens the file that holds the whole of a cut output.
        name: Names that file.
    """

    def __init__(self, loop: Loop, request: int, send: Send, limit: int, open_file: OpenFile, name: str) -> None:
        self.request = request
        self._loop = loop
        self._send = send
        self._capture = Capture(limit, self._text, open_file, name)
        self._flush: Timer | None = None
        self._timers: list[Timer] = []
        self.rung: str | None = None
        """The last step of the ladder that was taken."""
        self.why: str | None = None
        """Why the ladder was entered: timeout or interrupted."""
        self.done = False

    def write(self, stream: str, data: bytes) -> None:
        """Take output.

        Args:
            stream: stdout or stderr.
            data: What was written.
        """
        self._capture.add(stream, data)
        if self._flush is None and self._capture.waiting:
            self._flush = self._loop.later(_GATHER, self._flush_now)

    def event(self, message: Message) -> None:
        """Send an event, after the output that came before it.

        Args:
            message: The event.
        """
        self._capture.flush()
        self._send({"id": self.request, **message})

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Do something later, unless the call is done by then.

        Args:
            seconds: When.
            function: What.
        """
        self._timers.append(self._loop.later(seconds, function))

    def finish(self, **outcome: Any) -> None:
        """Send the end of the output and the answer.

        Args:
            **outcome: What the answer says.
        """
        if self.done:
            return
        self.done = True
        for timer in (*self._timers, *([self._flush] if self._flush else [])):
            timer.cancel()
        cut = self._capture.finish()
        if self.why is not None:
            outcome["status"] = self.why
        self._send(
            {
                "id": self.request,
                "event": "done",
                **outcome,
                "rung": self.rung,
                "cut": cut,
                "stdout_bytes": self._capture.total["stdout"],
                "stderr_bytes": self._capture.total["stderr"],
            }
        )

    def _flush_now(self) -> None:
        self._flush = None
        self._capture.flush()

    def _text(self, stream: str, text: str) -> None:
        self._send({"id": self.request, "event": stream, "text": text})
