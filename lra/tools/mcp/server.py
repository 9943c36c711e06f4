"""One MCP server of a session: started beside it, watched, and started again when it dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from lra import __version__
from lra.errors import LraError
from lra.text import clean_text, one_line
from lra.tools.mcp.config import ServerConfig

if TYPE_CHECKING:
    import mcp_types as types
    from mcp import Client

    from lra.tools.mcp.guard import Lifeline
    from lra.tools.mcp.offers import Offer

State = Literal["starting", "ready", "failed", "stopped", "waiting"]
"""`waiting` is for a person's yes."""

Progress = Callable[[str], None]

_AGAIN = (1.0, 5.0, 30.0)
"""Seconds until a server that died is started again, one time after the other."""
_LONG = 300.0
"""A server that ran for so many seconds is given all its chances again."""
_WHY = 1.5
"""Seconds to wait for the reason of a broken connection."""
_MOST_PAGES = 20
_RELIST = 1.0
"""Seconds between two looks at tools that keep changing."""


class McpServer:
    """Runs one server; whatever it does costs its own tools alone.

    Args:
        config: The server.
        on_ready: Told when its tools are known.
        waiting: Whether it may not be started before a person allowed it.
    """

    def __init__(
        self, config: ServerConfig, on_ready: Callable[[McpServer], Awaitable[None]], *, waiting: bool = False
    ) -> None:
        self.config = config
        self.state: State = "waiting" if waiting else "stopped"
        self.problem = ""
        """Why it has no tools, as a sentence's end."""
        self.notes: list[str] = []
        """Sentences about tools that were left out."""
        self.offers: dict[str, Offer] = {}
        self._on_ready = on_ready
        self._client: Client | None = None
        self._lifeline: Lifeline | None = None
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        """Its name in the file."""
        return self.config.name

    def start(self) -> None:
        """Start it in the background; returns at once."""
        if self._task is None or self._task.done():
            self.state, self.problem = "starting", ""
            self._settled.clear()
            self._task = asyncio.create_task(self._run(), name=f"mcp {self.name}")

    async def settled(self) -> None:
        """Wait until it is ready or has failed."""
        if self.state == "starting":
            await self._settled.wait()

    async def stop(self) -> None:
        """End it, and its program."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._set("stopped" if self.state != "waiting" else "waiting")

    async def call(self, own_name: str, args: dict[str, Any], progress: Progress | None = None) -> types.CallToolResult:
        """Call one of its tools.

        Args:
            own_name: The tool, as the server calls it.
            args: Its arguments.
            progress: Told in words how far it is.

        Raises:
            LraError: There is no result; the sentence says why.
        """
        client = self._client
        if client is None:
            raise LraError(f"The MCP server {self.name} is not running{f': {self.problem}' if self.problem else ''}.")

        tell = progress

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            if tell is not None:
                share = f"{progress:g}" if total is None else f"{progress:g} of {total:g}"
                tell(one_line(clean_text(message), 200) if message else share)

        try:
            async with asyncio.timeout(self.config.timeout):
                return await client.call_tool(own_name, args, progress_callback=on_progress)
        except TimeoutError:
            raise LraError(
                f"The MCP server {self.name} did not answer within {self.config.timeout:g} seconds."
            ) from None
        except Exception as error:
            if _broken(error) and self._lifeline is not None:
                # The connection breaks before it is known why.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WHY):
                        await self._lifeline.ended.wait()
                raise LraError(f"The MCP server {self.name} failed: {self._lifeline.why or explain(error)}.") from None
            raise LraError(f"The MCP server {self.name} failed: {explain(error)}.") from None

    def _set(self, state: State, problem: str = "") -> None:
        self.state, self.problem = state, problem
        if state != "ready":
            self._client, self.offers = None, {}
        if state != "starting":
            self._settled.set()

    async def _run(self) -> None:
        again = list(_AGAIN)
        while True:
            began, lived = time.monotonic(), False
            try:
                await self._live()
            except Exception as error:
                lived = self.state == "ready"
                self._set("failed", explain(error))
            if time.monotonic() - began > _LONG:
                again = list(_AGAIN)
            if not lived or not again:
                return
            await asyncio.sleep(again.pop(0))
            self.state = "starting"
            self._settled.clear()

    async def _live(self) -> None:
        """Connect, and stay until the connection ends."""
        # A second's work of other people's imports, which must not be in the way of a prompt.
        guard = await asyncio.to_thread(_load)
        lifeline: Lifeline = guard.Lifeline()
        self._lifeline = lifeline
        stay: Exception | None = None
        client = self._connect(lifeline)
        async with asyncio.timeout(self.config.start_timeout) as limit:
            try:
                async with client:
                    ended = asyncio.create_task(lifeline.ended.wait())
                    changed = asyncio.create_task(self._changed.wait())
                    try:
                        await self._list(client)
                        limit.reschedule(None)
                        self._client = client
                        await self._on_ready(self)
                        self._set("ready")
                        while not ended.done():
                            await asyncio.wait([ended, changed], return_when=asyncio.FIRST_COMPLETED)
                            if not ended.done():
                                await asyncio.sleep(_RELIST)
                                self._changed.clear()
                                changed = asyncio.create_task(self._changed.wait())
                                await self._list(client)
                        stay = LraError(lifeline.why)
                        self._client, self.offers = None, {}
                    finally:
                        ended.cancel()
                        changed.cancel()
            except Exception as error:
                # What the program itself said is worth more than that the connection broke.
                stay = LraError(lifeline.why or explain(error, starting=self.state == "starting"))
        if stay is not None:
            raise stay

    def _connect(self, lifeline: Lifeline) -> Client:
        from mcp import Client
        from mcp_types import Implementation, ToolListChangedNotification

        from lra.tools.mcp.http import http_streams
        from lra.tools.mcp.stdio import stdio_streams

        async def heard(message: object) -> None:
            if isinstance(message, ToolListChangedNotification):
                self._changed.set()

        streams = stdio_streams if self.config.command else http_streams
        return Client(
            streams(self.config, lifeline),
            client_info=Implementation(name="lra", version=__version__),
            message_handler=heard,
            cache=None,
        )

    async def _list(self, client: Client) -> None:
        from lra.tools.mcp.offers import MOST_TOOLS, check_offers

        tools: list[types.Tool] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += page.tools
            cursor = page.next_cursor
            if not cursor or len(tools) > MOST_TOOLS * 4:
                break
        self.offers, self.notes = await asyncio.to_thread(check_offers, self.name, tools, self.config.tools)


def _load() -> Any:
    from lra.tools.mcp import guard, http, offers, results, stdio

    assert all((http, offers, results, stdio))
    return guard


def _broken(error: BaseException) -> bool:
    from anyio import BrokenResourceError, ClosedResourceError
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED

    closed = isinstance(error, MCPError) and error.code == CONNECTION_CLOSED
    return closed or isinstance(error, BrokenResourceError | ClosedResourceError)


def explain(error: BaseException, *, starting: bool = False) -> str:
    """Return what went wrong with a server as the end of a sentence, without its full stop.

    Args:
        error: What was raised.
        starting: Whether it has not said yet which tools it has.
    """
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return "it did not say in time which tools it has"
    text = one_line(clean_text(str(error)), 300)
    with suppress(ImportError):
        from pydantic import ValidationError

        if isinstance(error, ValidationError):
            text = f"it answered with what is no {error.title}"
        from httpx2 import TransportError
        from mcp import MCPError

        if isinstance(error, TransportError):
            text = f"it cannot be reached ({text.rstrip('.') or type(error).__name__})"
        if starting and isinstance(error, MCPError):
            text = f"it does not speak MCP ({text.rstrip('.')})"
    return (text or type(error).__name__).rstrip(".")
