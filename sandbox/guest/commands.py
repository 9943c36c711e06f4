"""Shell commands, each in a session of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from typing import IO

from .calls import Call, Pipes
from .loop import Loop

_GRACE = 1.0


class Command:
    """One command that runs.

    Args:
        loop: The loop.
        call: Where its output and its end go.
        line: What the shell is given.
        env: Environment.
        folder: Working directory.
        stdin: What it reads.
        timeout: Seconds it may run.
    """

    def __init__(
        self, loop: Loop, call: Call, line: str, *, env: Mapping[str, str], folder: str, stdin: str, timeout: float
    ) -> None:
        self.call = call
        self._pipes = Pipes(loop)
        self._pipes.take = call.write
        shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
        try:
            self._process = subprocess.Popen(
                [shell, "-c", line],
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=self._pipes.out_write,
                stderr=self._pipes.err_write,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
            )
        except (OSError, ValueError):
            self._pipes.close_writing()
            self._pipes.close()
            raise
        self.pid = self._process.pid
        self._pipes.close_writing()
        if self._process.stdin is not None:
            # The command may never read it, so it is fed from the side.
            self._start_feeding(self._process.stdin, stdin.encode("utf-8", "replace"))
        call.later(timeout, lambda: self.stop("timeout"))

    def pause(self, paused: bool) -> None:
        """Stop or go on reading its output.

        Args:
            paused: Whether to stop.
        """
        self._pipes.pause(paused)

    def stop(self, why: str) -> None:
        """End it: asked first, then killed.

        Args:
            why: timeout or interrupted.
        """
        if self.call.why is None:
            self.call.why = why
            self.call.rung = "interrupt"
            self._signal(signal.SIGTERM)
            self.call.later(_GRACE, self._kill)

    def ended(self, status: int) -> None:
        """Answer, since its shell has ended.

        Args:
            status: What `waitpid` said.
        """
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self.call.why is not None:
            self._signal(signal.SIGKILL)
        self._pipes.drain()
        self._pipes.close()
        code = self._process.returncode
        self.call.finish(status="ok" if code == 0 else "error", exit=code, state=True)

    def _start_feeding(self, pipe: IO[bytes], data: bytes) -> None:
        try:
            threading.Thread(target=_feed, args=(pipe, data), daemon=True).start()
        except RuntimeError:
            # Every process and thread there may be is taken. What fits into a pipe it still gets.
            os.set_blocking(pipe.fileno(), False)
            _feed(pipe, data)

    def _kill(self) -> None:
        self.call.rung = "kill"
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)


def _feed(pipe: IO[bytes], data: bytes) -> None:
    try:
        with pipe:
            pipe.write(data)
    except OSError:
        pass
