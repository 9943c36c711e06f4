"""The server as tests see it: a thread, a base URL, and what it was asked."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Self

import uvicorn

from .app import build_app
from .playback import LooseProtocol
from .script import Line
from .state import RecordedRequest, State
from .wire import Message

START_TIMEOUT = 10.0


class ModelServer:
    """A model provider on loopback that answers from a script.

    Steps are taken one per model request; then `default` answers, and without one the request is refused.
    Anything a provider would object to, and any request beyond the script, is noted in `complaints`.

    Example:
        with ModelServer([say("Looking.", call("add", a=1, b=2)), say("3.")]) as server: ...
    """

    def __init__(self, steps: Iterable[Line] = (), default: Line | None = None, *, port: int = 0) -> None:
        """Bind a loopback port; nothing is answered before `start`."""
        self._steps = list(steps)
        self._default = default
        self._socket = socket.create_server(("127.0.0.1", port))
        # asyncio does so only for sockets it makes itself; without it each answer waits 40 ms for an ACK.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="model-server", daemon=True)
        self._state: State
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def start(self) -> Self:
        """Start to answer, in a thread."""
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT):
            raise RuntimeError("the model server did not start")
        return self

    def stop(self) -> None:
        """Stop at once; open connections are broken."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_TIMEOUT)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, without `/v1`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The model requests so far, the refused ones too."""
        return self._state.requests

    @property
    def complaints(self) -> list[str]:
        """Refused histories and requests beyond the script; clear it where a test means to cause them."""
        return self._state.complaints

    def verify(self) -> None:
        """Fail if there was anything to complain about.

        Raises:
            AssertionError: With all complaints.
        """
        if self.complaints:
            raise AssertionError("\n".join(self.complaints))

    @property
    def steps_left(self) -> int:
        """How many steps have not been taken."""
        return self._state.script.left

    @property
    def held(self) -> int:
        """How many streams are held now."""
        return self._state.gate.waiting

    def script(self, *steps: Line, default: Line | None = None) -> None:
        """Replace what is left of the script."""
        self._state.script.replace(steps, default)

    def add(self, *steps: Line) -> None:
        """Append steps to the script."""
        self._state.script.extend(steps)

    def last_messages(self) -> list[Message]:
        """The history of the last request, in the common form."""
        return self.requests[-1].messages

    def release(self, count: int = 1) -> None:
        """Let held streams go on; a permit not needed yet lets the next one pass."""
        self._loop.call_soon_threadsafe(self._state.gate.open, count)

    def wait_held(self, count: int = 1, timeout: float = 5.0) -> None:
        """Block until streams are held; not in the event loop that makes the request.

        Raises:
            TimeoutError: When they are not in time.
        """
        if not self._state.gate.wait_held(count, timeout):
            raise TimeoutError(f"{self.held} streams were held after {timeout:g} s, not {count}")

    async def until_held(self, count: int = 1, timeout: float = 5.0) -> None:
        """`wait_held` for asynchronous tests."""
        await asyncio.to_thread(self.wait_held, count, timeout)

    def wait_for(self, condition: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """Block until a condition on the server holds.

        Raises:
            TimeoutError: When it does not in time.
        """
        deadline = time.monotonic() + timeout
        while not condition(self):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the condition did not come true in {timeout:g} s")
            time.sleep(0.005)

    async def until(self, condition: Callable[[Self], bool], timeout: float = 5.0) -> None:
        """`wait_for` for asynchronous tests."""
        await asyncio.to_thread(self.wait_for, condition, timeout)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._state = State(self._steps, self._default)
        config = uvicorn.Config(
            build_app(self._state),
            http=LooseProtocol,
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        # uvicorn's own loop and shutdown look around every tenth of a second, which adds up over many tests.
        await server.startup(sockets=[self._socket])
        self._ready.set()
        await self._stop.wait()
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
