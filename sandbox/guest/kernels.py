"""The supervisor's side of the kernel: starting it, giving it cells, and getting it back when it does not answer."""

from __future__ import annotations

import array
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from .calls import Call, Pipes
from .loop import Loop
from .processes import kill_others
from .protocol import Decoder, Message, ProtocolError, encode

_GRACE = 1.0
"""Seconds between two steps of the ladder."""
_START = 20.0
_MOST_STILLBORN = 5
_STILLBORN_PAUSE = 0.1
_MOST_EVENTS = 500
_MOST_EVENT_BYTES = 32 * 1024 * 1024
_EVENTS = {"result", "display"}


class Kernels:
    """The one kernel of this sandbox, and the zygote it comes from.

    Args:
        loop: The loop.
        env: Environment of user code.
        settings: `workspace` and `preload`.
        folder: Where the guest lies.
        sessions: Sessions of commands, which are not the kernel's.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        env: Mapping[str, str],
        settings: Mapping[str, Any],
        folder: str,
        sessions: Callable[[], Collection[int]],
    ) -> None:
        self._loop = loop
        self._env = env
        self._settings = settings
        self._folder = folder
        self._sessions = sessions
        self._zygote: subprocess.Popen[bytes] | None = None
        self._zygote_socket: socket.socket | None = None
        self._control: socket.socket | None = None
        self._decoder = Decoder()
        self._pipes: Pipes | None = None
        self._pid: int | None = None
        self._outbox = b""
        self._request = b""
        """The cell that runs, for a kernel that takes the place of one that was not born."""
        self._stillborn = 0
        self._events = 0
        self._event_bytes = 0
        self._cell = 0
        self._paused = False
        self._timeout = 0.0
        self._preload = [str(name) for name in settings.get("preload", [])]
        self._waiting: list[Callable[[], None]] = []
        """Told when the kernel is there, or when it will not come."""
        self.generation = 0
        """How many kernels there have been."""
        self.call: Call | None = None

    @property
    def spared(self) -> set[int]:
        """Processes that are not the user's."""
        zygote = {self._zygote.pid} if self._zygote is not None else set()
        return zygote | ({self._pid} if self._pid is not None else set())

    def start(self) -> bool:
        """Begin to start a kernel; cells may be given at once. Where none can be started, the next cell tries again."""
        self.generation += 1
        for _ in range(2):
            try:
                self._begin()
            except OSError as error:
                # The zygote was killed a moment ago, or every process there may be is taken.
                sys.stderr.write(f"no kernel: {error!r}\n")
                self._drop_zygote()
            else:
                return True
        self._tell_waiting()
        return False

    def warm(self, modules: Sequence[str], then: Callable[[], None]) -> None:
        """Have a kernel that is born with some modules, and say when it is there.

        Args:
            modules: Their names; a missing one is left out.
            then: Called when it is there, or will not come.
        """
        if list(modules) != self._preload:
            self._preload = list(modules)
            self._end()
            self._drop_zygote()
            self.start()
        if self._pid is not None or self._control is None:
            then()
        else:
            self._waiting.append(then)

    def _begin(self) -> None:
        self._start_zygote()
        assert self._zygote_socket is not None
        ours, theirs = socket.socketpair()
        pipes = Pipes(self._loop)
        try:
            fds = array.array("i", [theirs.fileno(), pipes.out_write, pipes.err_write])
            request = json.dumps({"workspace": self._settings["workspace"]}).encode()
            self._zygote_socket.sendmsg([request], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        except OSError:
            ours.close()
            pipes.close_writing()
            pipes.close()
            raise
        finally:
            theirs.close()
        self._pipes = pipes
        self._pipes.take = self._output
        self._pipes.close_writing()
        self._pipes.pause(self._paused)
        ours.setblocking(False)
        self._control, self._decoder, self._pid = ours, Decoder(), None
        self._watch()

    def execute(self, call: Call, code: str, stdin: str, timeout: float) -> None:
        """Run a cell.

        Args:
            call: Where its events go.
            code: The source.
            stdin: What `input()` reads.
            timeout: Seconds it may take.
        """
        if self._control is None and not self.start():
            message = "No kernel can be started: the sandbox may have no process left for it."
            call.finish(status="error", exit=None, state=False, name="KernelDied", message=message)
            return
        self.call = call
        self._cell += 1
        self._events = self._event_bytes = 0
        self._request = encode({"code": code, "stdin": stdin, "cell": self._cell})
        self._outbox += self._request
        self._watch()
        self._timeout = timeout
        if self._pid is None:
            call.later(_START + timeout, lambda: self.stop("timeout"))
        else:
            call.later(timeout, lambda: self.stop("timeout"))

    def stop(self, why: str) -> None:
        """Climb the ladder: interrupt, then kill what the cell started, then another kernel.

        Args:
            why: timeout or interrupted.
        """
        call = self.call
        if call is None or call.why is not None:
            return
        call.why, call.rung = why, "interrupt"
        if self._pid is None:
            self._replace()
            return
        self._interrupt()
        call.later(_GRACE, self._kill_children)

    def restart(self) -> None:
        """Have another kernel, with nothing of the old one left."""
        if self.call is not None:
            self.call.why, self.call.rung = "interrupted", "restart"
        self._end()
        self.start()

    def pause(self, paused: bool) -> None:
        """Stop or go on reading what the kernel writes.

        Args:
            paused: Whether to stop.
        """
        self._paused = paused
        if self._pipes is not None:
            self._pipes.pause(paused)
        self._watch()

    def ended(self, pid: int) -> None:
        """Notice that a child of the supervisor has ended.

        Args:
            pid: Which.
        """
        if self._zygote is not None and pid == self._zygote.pid:
            self._drop_zygote()
        elif pid == self._pid:
            self._pid = None
            self._end()

    def _start_zygote(self) -> None:
        if self._zygote is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._zygote = subprocess.Popen(
                [sys.executable, "-I", self._folder, "--zygote", str(theirs.fileno()), *self._preload],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=dict(self._env),
                cwd=self._settings["workspace"],
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self._zygote_socket = ours

    def _drop_zygote(self) -> None:
        zygote, self._zygote = self._zygote, None
        if zygote is not None:
            # Whoever is the first process collects it.
            with contextlib.suppress(OSError):
                os.kill(zygote.pid, signal.SIGKILL)
            zygote.returncode = 0
        channel, self._zygote_socket = self._zygote_socket, None
        if channel is not None:
            channel.close()

    def _tell_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()

    def _watch(self) -> None:
        if self._control is not None:
            read = None if self._paused else self._read
            self._loop.watch(self._control, read=read, write=self._write if self._outbox else None)

    def _write(self) -> None:
        assert self._control is not None
        try:
            sent = self._control.send(self._outbox)
        except BlockingIOError:
            return
        except OSError:
            self._lost()
            return
        self._outbox = self._outbox[sent:]
        self._watch()

    def _read(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        try:
            for message, _ in self._decoder.feed(data):
                self._take(message)
        except ProtocolError:
            self._end()

    def _take(self, message: Message) -> None:
        event, call = message.get("event"), self.call
        if event == "ready" and self._pid is None and isinstance(message.get("pid"), int):
            self._pid = message["pid"]
            self._stillborn = 0
            self._tell_waiting()
            if call is not None:
                # The time of being born is not the code's.
                call.later(self._timeout, lambda: self.stop("timeout"))
        elif call is None:
            return  # between cells a kernel has nothing to say
        elif event in _EVENTS and isinstance(message.get("data"), dict):
            self._events += 1
            self._event_bytes += sum(len(str(each)) for each in message["data"].values())
            if self._events <= _MOST_EVENTS and self._event_bytes <= _MOST_EVENT_BYTES:
                self._drain()
                call.event({"event": event, "data": message["data"]})
        elif event == "done" and message.get("cell") == self._cell:
            self._drain()
            self.call = None
            answer = {name: _text(message.get(name)) for name in ("name", "message", "traceback") if message.get(name)}
            status = message.get("status")
            if status not in {"ok", "error", "exit", "interrupted"}:
                status = "error"
            code = message.get("exit")
            call.finish(status=status, exit=code if isinstance(code, int) else None, state=True, **answer)

    def _output(self, stream: str, data: bytes) -> None:
        if self.call is not None:
            self.call.write(stream, data)

    def _drain(self) -> None:
        if self._pipes is not None:
            self._pipes.drain()

    def _interrupt(self) -> None:
        if self._pid is not None:
            for send in (os.killpg, os.kill):
                try:
                    send(self._pid, signal.SIGINT)
                    return
                except OSError:
                    continue

    def _kill_children(self) -> None:
        if self.call is None:
            return
        self.call.rung = "kill"
        kill_others(self.spared, self._sessions())
        self._interrupt()
        self.call.later(_GRACE, self._replace)

    def _replace(self) -> None:
        if self.call is None:
            return
        self.call.rung = "restart"
        self._end()
        self.start()

    def _lost(self) -> None:
        """Notice that the kernel hung up: one that was not even born is tried again, with the cell it was to run."""
        if self._pid is not None or self._stillborn >= _MOST_STILLBORN:
            self._end()
            return
        # As when processes that were just killed still take the places of all there may be.
        self._stillborn += 1
        call, self.call = self.call, None
        waiting, self._waiting = self._waiting, []
        self._end()
        self.call, self._waiting = call, waiting
        self._loop.later(_STILLBORN_PAUSE, self._try_again)

    def _try_again(self) -> None:
        if self._control is not None:
            return
        if not self.start():
            self._end()
        elif self.call is not None:
            self._outbox = self._request
            self._watch()

    def _end(self) -> None:
        """Remove the kernel and everything that came from it."""
        self._pid = None
        kill_others(self.spared, self._sessions())
        self._drain()
        if self._control is not None:
            self._loop.watch(self._control)
            self._control.close()
            self._control = None
        if self._pipes is not None:
            self._pipes.close()
            self._pipes = None
        self._outbox = b""
        self._tell_waiting()
        call, self.call = self.call, None
        if call is not None:
            if call.why is None:
                message = "The kernel ended, perhaps for want of memory; its names are lost."
                call.finish(status="error", exit=None, state=False, name="KernelDied", message=message)
            else:
                call.finish(status="error", exit=None, state=False)


def _text(value: object) -> str:
    return str(value)[:100_000]
