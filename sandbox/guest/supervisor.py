"""The first process of a sandbox: it talks to the owner, and keeps what the user's code does in its place."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import signal
import socket
import sys
import time
from typing import Any

from .calls import Call
from .commands import Command
from .connection import Connection
from .files import FileError, Workspace
from .kernels import Kernels
from .loop import Loop
from .processes import hide_memory
from .protocol import VERSION, Message

_FILE_OPS = {"read", "write", "list", "stat", "mkdir", "move", "remove"}
_STRANGERS = 8
_STRANGER_SECONDS = 5.0
_MOST_COMMANDS = 32
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
        if path := config.get("relay"):
            from . import relay

            pid, proxies = relay.start(str(path))
            self._relay = {pid}
            self._env = proxies | self._env
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
        self._serial = 0
        self._stop = False
        wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wake_read = wake_read
        self._loop.watch(wake_read, read=self._reap)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)

    def listen(self, listener: socket.socket) -> None:
        """Take connections.

        Args:
            listener: A listening socket.
        """
        listener.setblocking(False)
        listener.set_inheritable(False)

        def accept() -> None:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            if len(self._strangers) >= _STRANGERS:
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
        self._check_lease()
        while not self._stop:
            self._loop.turn()

    def _check_lease(self) -> None:
        left = self._heard + self._lease - time.monotonic()
        if left <= 0:
            self._stop = True
        else:
            self._loop.later(left + 0.01, self._check_lease)

    def _terminate(self, number: int, frame: object) -> None:
        self._stop = True

    def _closed(self, connection: Connection) -> None:
        self._strangers.discard(connection)
        if connection is self._owner:
            self._owner = None

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
            }
        )

    def _do(self, request: int, op: str, message: Message, blob: bytes | None) -> None:
        if op == "ping":
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
            else:
                self._kernels.ended(pid)


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
        listener.listen(8)
        supervisor.listen(listener)
    else:
        supervisor.listen(socket.socket(fileno=int(argv[1])))
    supervisor.run()
