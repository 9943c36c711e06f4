"""Standard output and error of a kernel: gathered before they are written, and still in order."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import termios
import threading
import time

_GATHER = 32 * 1024
_DELAY = 0.02
"""Seconds that a short text may wait for more."""
_ORDER_WAIT = 1.0


def _unread(fd: int) -> int:
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0])
    except OSError:
        return 0


class Stream(io.TextIOBase):
    """One of the two; both share a `Pair`, which keeps their order."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, pair: Pair, fd: int, name: str) -> None:
        self._pair = pair
        self._fd = fd
        self.name = name
        self.buffer = _Bytes(self)

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, which children inherit."""
        return self._fd

    def write(self, text: str) -> int:
        """Take a text.

        Args:
            text: What to print.
        """
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._pair.write(self._fd, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Take bytes as they are.

        Args:
            data: What to write.
        """
        self._pair.write(self._fd, data)

    def flush(self) -> None:
        """Pass on what was gathered."""
        self._pair.flush()


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, data: object) -> int:
        taken = bytes(data)  # type: ignore[call-overload]
        self._stream.write_bytes(taken)
        return len(taken)

    def flush(self) -> None:
        self._stream.flush()


class Pair:
    """Both streams of a process over two pipes.

    A reader of two pipes cannot know which was written to first. So whoever changes from one to the other waits
    until the first has been read.
    """

    def __init__(self, out_fd: int = 1, err_fd: int = 2) -> None:
        self._lock = threading.RLock()
        self._fd = out_fd
        self._other = {out_fd: err_fd, err_fd: out_fd}
        self._gathered = bytearray()
        self._flusher: threading.Thread | None = None
        self._pending = threading.Event()
        self._alone = False
        self.out = Stream(self, out_fd, "<stdout>")
        self.err = Stream(self, err_fd, "<stderr>")
        os.register_at_fork(before=self.flush, after_in_child=self._forked)

    def _forked(self) -> None:
        # Threads do not survive a fork: the child writes at once.
        self._lock = threading.RLock()
        self._gathered.clear()
        self._alone = True

    def write(self, fd: int, data: bytes) -> None:
        """Gather bytes for one of the two.

        Args:
            fd: Which.
            data: The bytes.
        """
        with self._lock:
            if fd != self._fd:
                self._flush()
                self._fd = fd
            self._gathered += data
            if self._alone or len(self._gathered) >= _GATHER:
                self._flush()
            else:
                self._pending.set()
                if self._flusher is None:
                    self._start_flusher()

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if not self._gathered:
            return
        data = bytes(self._gathered)
        self._gathered.clear()
        other = self._other[self._fd]
        until = time.monotonic() + _ORDER_WAIT
        while _unread(other) and time.monotonic() < until:
            time.sleep(0.00005)
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except OSError:
                return  # closed by the code itself

    def _start_flusher(self) -> None:
        flusher = threading.Thread(target=self._flush_later, name="output", daemon=True)
        try:
            flusher.start()
        except RuntimeError:  # the code has used up its threads
            self._flush()
        else:
            self._flusher = flusher

    def _flush_later(self) -> None:
        while True:
            self._pending.wait()
            time.sleep(_DELAY)
            self._pending.clear()
            self.flush()
