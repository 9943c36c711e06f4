"""Servers that are reached over HTTP: a real one of the official kit on loopback, and one that sends too much."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from lra.errors import LraError
from lra.tools.mcp.results import content_of
from tests.mcp.support import settled

SEEN: list[str] = []


@pytest.fixture
def address() -> Iterator[str]:
    """A server of the official kit, and where it is."""
    served = MCPServer("weather")

    @served.tool()
    def forecast(city: str, ctx: Context) -> str:
        """Say what the weather will be."""
        headers = ctx.headers or {}
        SEEN.append(headers.get("authorization", ""))
        return f"Sun over {city}."

    config = uvicorn.Config(served.streamable_http_app(), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join(10)
    SEEN.clear()


async def test_its_tools_are_called_with_the_headers_of_the_file(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEATHER_TOKEN", "s3cret")
    described = {"url": address, "headers": {"Authorization": "Bearer ${WEATHER_TOKEN}"}}
    group = await settled(w=described)
    (server,) = group.servers
    try:
        assert (server.state, list(server.offers)) == ("ready", ["mcp__w__forecast"])
        assert content_of(await server.call("forecast", {"city": "Lisbon"})) == "Sun over Lisbon."
        assert SEEN == ["Bearer s3cret"]
    finally:
        await group.close()


class Wrong(BaseHTTPRequestHandler):
    """Answers whatever it is asked in one wrong way."""

    mode = ""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        with contextlib.suppress(OSError):
            getattr(self, self.mode)(body)

    do_GET = do_DELETE = lambda self: self.send_error(405)

    def head(self, kind: str, **more: str) -> None:
        self.send_response(200)
        for name, value in {"content-type": kind, **more}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def endless(self, body: Any) -> None:
        self.head("application/json")
        while True:
            self.wfile.write(b" " * 65_536)

    def packed(self, body: Any) -> None:
        self.head("application/json", content_encoding="gzip")
        self.wfile.write(b"\x1f\x8b")

    def stream(self, body: Any) -> None:
        self.head("text/event-stream")
        note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}
        while True:
            self.wfile.write(f"event: message\ndata: {json.dumps(note)}\n\n".encode())

    def elsewhere(self, body: Any) -> None:
        self.send_response(307)
        self.send_header("location", "http://localhost:9/mcp")
        self.end_headers()

    def unauthorized(self, body: Any) -> None:
        self.send_error(401)

    def page(self, body: Any) -> None:
        self.head("text/html")
        self.wfile.write(b"<html>")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize("mode", ["endless", "packed", "stream", "elsewhere", "unauthorized", "page"])
async def test_a_wrong_one_costs_nothing_but_its_tools(mode: str) -> None:
    wrong = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Wrong,), {"mode": mode}))
    wrong.daemon_threads = True
    threading.Thread(target=wrong.serve_forever, daemon=True).start()
    try:
        group = await settled(w={"url": f"http://127.0.0.1:{wrong.server_port}/mcp", "startTimeout": 8})
        (server,) = group.servers
        try:
            assert server.state == "failed"
            assert server.problem
            assert "Traceback" not in server.problem
            with pytest.raises(LraError, match="The MCP server w is not running"):
                await server.call("forecast", {})
        finally:
            async with asyncio.timeout(10):
                await group.close()
    finally:
        await asyncio.to_thread(wrong.shutdown)
        wrong.server_close()
