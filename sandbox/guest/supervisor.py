"""The first process of a sandbox: it talks to the owner, and keeps what the user's code does in its place."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import signal
import socket
import struct
import sys
import time
import traceback
from typing import Any

from .calls import Call
from .commands import Command
from .connection import Connection
from .files import FileError, Workspace
from .kernels import Kernels
from .loop import Loop
from .processes import freeze, hide_memory, thaw
from .protocol import VERSION, Message
from .signals import as_usual

_FILE_OPS = {"read", "write", "list", "stat", "mkdir", "move", "remove"}
_STRANGERS = 8
_STRANGER_SECONDS = 5.0
_MOST_COMMANDS = 32
_MOST_MISHAPS = 100
_RELAY_SECONDS = 0.2
_HELD_SECONDS = 3600.0
"""A socket says at once when its owner ends, so one that is only slow, or stopped for a while, loses nothing."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Supervisor:
    """Serves one owner at a time; who comes later with the token takes over.

    Args:
        config: What the provider gave (`sandbox.providers.base.guest_config`).
        folder: Where the guest lies.
    """

    def __init__(self, config: dict[str, Any], folder: str) -> None:
        self._token = str(config["token"])
        self._lease = float(config["lease"])
        self._limit = int(config["output_bytes"])
        self._heard = time.monotonic()
        self._loop = Loop()
        self._workspace = Workspace(str(config["workspace"]))
        self._env = _environment(config)
        self._relay: set[int] = set()
        self._egress = str(config.get("relay") or "")
        if self._egress:
            self._env = self._start_relay() | self._env
        self._commands: dict[int, Command] = {}
        self._kernels = Kernels(
            self._loop,
            env=self._env,
            settings=config,
            folder=folder,
            sessions=lambda: self._relay | {command.pid for command in self._commands.values()},
        )
        self._owner: Connection | None = None
        self._strangers: set[Connection] = set()
        self._owner_ends_loudly = False
        self._lease_ends = self._loop.later(0, self._check_lease)
        self._serial = 0
        self._mishaps = 0
        self._paused = False
        self._stop = False
        wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wake_read = wake_read
        self._loop.watch(wake_read, read=self._reap)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        # A handler that does nothing, unlike being ignored, is not handed down to the programs that are started. The
        # first process ends by its owner's word alone: whatever runs in here can send it a signal it has a handler for.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, frame: None)

    def listen(self, listener: socket.socket) -> None:
        """Take connections.

        Args:
            listener: A listening socket.
        """
        listener.setblocking(False)
        listener.set_inheritable(False)
        self._owner_ends_loudly = True

        def accept() -> None:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            if len(self._strangers) >= _STRANGERS or _is_inside(peer):
                peer.close()
                return
            fd = peer.detach()
            self.talk(fd, fd)

        self._loop.watch(listener, read=accept)

    def talk(self, read_fd: int, write_fd: int) -> None:
        """Talk to whoever is at the other end, who has to show the token first.

        Args:
            read_fd: What is read from.
            write_fd: What is written to.
        """
        connection = Connection(
            self._loop, read_fd, write_fd, take=self._take, closed=self._closed, crowded=self._crowded
        )
        self._strangers.add(connection)
        self._loop.later(_STRANGER_SECONDS, lambda: connection.close() if connection in self._strangers else None)

    def run(self) -> None:
        """Serve until told to stop, or until the owner has not been heard for the time of the lease."""
        self._kernels.start()
        while not self._stop:
            try:
                self._loop.turn()
            except Exception:  # what went wrong with one request must not end everything
                self._mishaps += 1
                if self._mishaps <= _MOST_MISHAPS:
                    traceback.print_exc()
                time.sleep(0.01)

    def _check_lease(self) -> None:
        held = self._owner is not None and self._owner_ends_loudly
        left = self._heard + (max(self._lease, _HELD_SECONDS) if held else self._lease) - time.monotonic()
        self._lease_ends.cancel()
        if left <= 0:
            self._stop = True
        else:
            self._lease_ends = self._loop.later(left + 0.01, self._check_lease)

    def _closed(self, connection: Connection) -> None:
        self._strangers.discard(connection)
        if connection is self._owner:
            self._owner = None
            self._heard = time.monotonic()
            self._check_lease()

    def _crowded(self, crowded: bool) -> None:
        self._kernels.pause(crowded)
        for command in self._commands.values():
            command.pause(crowded)

    def _take(self, connection: Connection, message: Message, blob: bytes | None) -> None:
        if connection is not self._owner:
            self._greet(connection, message)
            return
        self._heard = time.monotonic()
        request = message.get("id")
        if not isinstance(request, int):
            return
        try:
            self._do(request, str(message.get("op")), message, blob)
        except FileError as error:
            self._answer(request, error=error.kind, message=str(error))
        except BlockingIOError:
            self._answer(request, error="limit", message="Every process that this sandbox may have is taken.")
        except OSError as error:
            self._answer(request, error="failed", message=f"{error.strerror or error}.")
        except (KeyError, TypeError, ValueError) as error:
            # A request that makes no sense must not end the sandbox.
            self._answer(request, error="invalid", message=f"The request is wrong: {error!r}.")

    def _greet(self, connection: Connection, message: Message) -> None:
        token = message.get("token")
        if message.get("op") != "hello" or not isinstance(token, str) or not _same(token, self._token):
            connection.close()
            return
        self._strangers.discard(connection)
        self._heard = time.monotonic()
        before, self._owner = self._owner, connection
        if before is not None:
            before.close()
        connection.trust()
        connection.send(
            {
                "event": "hello",
                "protocol": VERSION,
                "python": ".".join(map(str, sys.version_info[:3])),
                "generation": self._kernels.generation,
                "busy": self._kernels.call is not None,
                "executable": sys.executable,
                "machine": os.uname().machine,
                "paused": self._paused,
            }
        )

    def _do(self, request: int, op: str, message: Message, blob: bytes | None) -> None:
        if self._paused and op in {"execute", "command", "restart", "warm"}:
            self._answer(request, error="conflict", message="The sandbox is paused: resume it first.")
        elif op == "ping":
            self._answer(request, generation=self._kernels.generation, busy=self._kernels.call is not None)
        elif op in _FILE_OPS:
            answer, data = self._workspace.handle(op, message, blob)
            self._send({"id": request, "event": "done", **answer}, data)
        elif op == "execute":
            if self._kernels.call is not None:
                self._answer(request, error="conflict", message="Another cell is running in this sandbox.")
                return
            code, stdin, timeout = str(message["code"]), str(message.get("stdin") or ""), float(message["timeout"])
            self._kernels.execute(self._call(request), code, stdin, timeout)
        elif op == "command":
            self._command(request, message)
        elif op == "interrupt":
            self._interrupt(message.get("call"))
            self._answer(request)
        elif op == "restart":
            self._kernels.restart()
            self._answer(request, generation=self._kernels.generation)
        elif op == "warm":
            modules = [str(name) for name in message["modules"]]
            self._kernels.warm(modules, lambda: self._answer(request))
        elif op == "pause":
            self._pause(request)
        elif op == "resume":
            if self._paused:
                self._paused = False
                thaw()
            self._answer(request)
        elif op == "shutdown":
            self._answer(request)
            self._stop = True
        else:
            self._answer(request, error="invalid", message=f"The guest does not know {op}.")

    def _command(self, request: int, message: Message) -> None:
        if len(self._commands) >= _MOST_COMMANDS:
            self._answer(request, error="limit", message=f"{_MOST_COMMANDS} commands are running already.")
            return
        line = str(message["command"])
        if "\0" in line:
            self._answer(request, error="invalid", message="A command has no NUL.")
            return
        command = Command(
            self._loop,
            self._call(request),
            line,
            env=self._env,
            folder=self._workspace.root,
            stdin=str(message.get("stdin") or ""),
            timeout=float(message["timeout"]),
        )
        self._commands[command.pid] = command

    def _pause(self, request: int) -> None:
        """Stop everything but this process, which goes on to hear its owner, and the relay, which is not the user's."""
        if self._kernels.call is not None or self._commands:
            self._answer(request, error="conflict", message="Something is running: wait for it, or interrupt it.")
        elif freeze(self._relay):
            self._paused = True
            self._answer(request)
        else:
            thaw()
            self._answer(request, error="failed", message="A process of the sandbox cannot be stopped.")

    def _start_relay(self) -> dict[str, str]:
        from . import relay

        pid, proxies = relay.start(self._egress)
        self._relay = {pid}
        return proxies

    def _restart_relay(self) -> None:
        try:
            self._start_relay()
        except OSError:  # its port is taken, by what took its place or by what is not buried yet
            self._loop.later(_RELAY_SECONDS, self._restart_relay)

    def _interrupt(self, request: object) -> None:
        """Stop one call, or with no request named the cell that runs."""
        cell = self._kernels.call
        if cell is not None and request in {None, cell.request}:
            self._kernels.stop("interrupted")
        for command in self._commands.values():
            if command.call.request == request:
                command.stop("interrupted")

    def _call(self, request: int) -> Call:
        self._serial += 1
        return Call(self._loop, request, self._send, self._limit, self._workspace.create, f"{self._serial:04d}")

    def _answer(self, request: int, **fields: Any) -> None:
        self._send({"id": request, "event": "done", **fields})

    def _send(self, message: Message, blob: bytes | None = None) -> None:
        if self._owner is not None:
            self._owner.send(message, blob)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            command = self._commands.pop(pid, None)
            if command is not None:
                command.ended(status)
            elif pid in self._relay:
                # The user's code may kill it: they are the same user.
                self._loop.later(_RELAY_SECONDS, self._restart_relay)
            else:
                self._kernels.ended(pid)


def _is_inside(peer: socket.socket) -> bool:
    """Whether a process of this sandbox knocks: an owner's number means nothing in here."""
    pid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid > 0 and os.path.exists(f"/proc/{pid}")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _environment(config: dict[str, Any]) -> dict[str, str]:
    """Return what user code sees as its environment; nothing of the provider's own is in it."""
    workspace = str(config["workspace"])
    path = os.path.dirname(sys.executable)
    return {
        "PATH": _PATH if path in _PATH.split(":") else f"{path}:{_PATH}",
        "HOME": workspace,
        "LANG": "C.UTF-8",
        "TMPDIR": "/tmp",
        "USER": "user",
        "TERM": "dumb",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{workspace}/.packages",
        **{str(name): str(value) for name, value in config.get("env", {}).items()},
    }


def main(argv: list[str]) -> None:
    """Be the supervisor, or with `--zygote` the zygote.

    Args:
        argv: How the owner is reached: `--listen PATH`, `--listen-fd N` or `--stdio`.
    """
    if argv[0] == "--zygote":
        from . import zygote

        zygote.main(int(argv[1]), argv[2:])
        return
    # It ends processes by looking around, so it must see none but its own.
    if os.getpid() != 1:
        sys.exit("The guest is the first process of a pid namespace, and of nothing else.")
    hide_memory()
    as_usual()
    config = json.loads(os.environ.pop("LRA_GUEST"))
    folder = os.path.dirname(os.path.abspath(__file__))
    supervisor = Supervisor(config, folder)
    if argv[0] == "--stdio":
        # Not 0 and 1 themselves: what is printed by mistake must not look like a frame.
        read_fd, write_fd = os.dup(0), os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)
        supervisor.talk(read_fd, write_fd)
    elif argv[0] == "--listen":
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(argv[1])
        os.chmod(argv[1], 0o666)  # the owner may be another user; its folder keeps everybody else away
        listener.listen(64)
        supervisor.listen(listener)
    else:
        supervisor.listen(socket.socket(fileno=int(argv[1])))
    supervisor.run()
