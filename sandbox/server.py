"""The service: `python -m uvicorn sandbox.server:app --port 8000`, or `lra sandbox serve`."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from sandbox.client import SERVICE
from sandbox.errors import DeniedError, InvalidError, SandboxError
from sandbox.manager import Manager

_ALIVE_SECONDS = 5.0
_MOST_BODY = 4_000_000
_NDJSON = "application/x-ndjson"

Id = Annotated[str, Path(description="The sandbox.", max_length=64)]
FilePath = Annotated[str, Query(description="Path in the workspace.", max_length=4096)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CreateBody(_Body):
    """A new sandbox; everything has a default."""

    image: str | None = None
    language: str | None = Field(None, description="python or shell")
    packages: dict[str, list[str]] | None = None
    network: str | None = Field(None, description="none, limited or unrestricted")
    allowed_hosts: list[str] | None = None
    limits: dict[str, float] | None = None
    env: dict[str, str] | None = None
    metadata: dict[str, str] | None = None
    idle_seconds: float | None = None
    lifetime_seconds: float | None = None


class ExecuteBody(_Body):
    """Code to run."""

    code: str
    timeout: float | None = None
    stdin: str = ""


class CommandBody(_Body):
    """A shell command to run."""

    command: str
    timeout: float | None = None
    stdin: str = ""


class FolderBody(_Body):
    """A folder to make."""

    path: str


def create_app(api_key: str | None = None, provider: str = "auto") -> FastAPI:
    """Return the service as an ASGI application.

    Args:
        api_key: What callers have to show; without one only this machine may call.
        provider: Name of a provider, or `auto`.
    """
    manager = Manager(provider, lasting=True)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        await manager.open()
        try:
            yield
        finally:
            await manager.close()

    app = FastAPI(title="lra sandbox", version="1", lifespan=life, redoc_url=None)
    app.state.manager = manager

    def allowed(request: Request) -> None:
        _allow(request, api_key)

    guarded = [Depends(allowed)]
    _add_errors(app)
    _add_sandboxes(app, manager, guarded)
    _add_running(app, manager, guarded)
    _add_files(app, manager, guarded)
    return app


def _allow(request: Request, api_key: str | None) -> None:
    if api_key:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {api_key}".encode()):
            raise DeniedError("The key is missing or wrong: send it as 'Authorization: Bearer KEY'.")
        return
    # Without a key nobody but this machine may call, whatever address the server was bound to, and no page in a
    # browser of this machine: its requests carry an origin, and a rebound name another host.
    if request.client is None or not _is_loopback(request.client.host):
        raise DeniedError("Without a key only this machine may call: set SANDBOX_API_KEY for the service.")
    if "origin" in request.headers or not _is_loopback(request.url.hostname or ""):
        raise DeniedError("Without a key no web page may call, and only by the name of this machine.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _problem(error: SandboxError) -> dict[str, Any]:
    title = error.kind.replace("-", " ").capitalize()
    return {"type": f"urn:lra-sandbox:{error.kind}", "title": title, "status": error.status, "detail": error.message}


def _add_errors(app: FastAPI) -> None:
    def answer(error: SandboxError, status: int | None = None) -> JSONResponse:
        body = _problem(error) | ({"status": status} if status else {})
        headers = {"WWW-Authenticate": "Bearer"} if body["status"] == 401 else None
        return JSONResponse(body, body["status"], headers, media_type="application/problem+json")

    @app.exception_handler(SandboxError)
    async def on_error(request: Request, error: SandboxError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first.get("loc", ())[1:]) or "the body"
        return answer(InvalidError(f"{where}: {first.get('msg', 'is wrong')}."))

    @app.exception_handler(StarletteHTTPException)
    async def on_http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return answer(SandboxError(f"{error.detail}."), error.status_code)


def _add_sandboxes(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.get("/health", tags=["service"])
    async def health() -> dict[str, Any]:
        """Say what this is and whether it can make sandboxes."""
        return {"service": SERVICE, **await manager.health()}

    @app.post("/sandboxes", status_code=201, dependencies=guarded, tags=["sandboxes"])
    async def create(body: Annotated[CreateBody | None, Body()] = None) -> dict[str, Any]:
        """Make a sandbox."""
        return await manager.create(**(body.model_dump() if body else {}))

    @app.get("/sandboxes", dependencies=guarded, tags=["sandboxes"])
    async def list_sandboxes() -> dict[str, Any]:
        """List the sandboxes, oldest first."""
        return {"sandboxes": await manager.list_sandboxes()}

    @app.get("/sandboxes/{sandbox_id}", dependencies=guarded, tags=["sandboxes"])
    async def get(sandbox_id: Id) -> dict[str, Any]:
        """Show one sandbox."""
        return await manager.get(sandbox_id)

    @app.delete("/sandboxes/{sandbox_id}", status_code=204, dependencies=guarded, tags=["sandboxes"])
    async def delete(sandbox_id: Id) -> None:
        """End one sandbox."""
        await manager.delete(sandbox_id)

    @app.get("/sandboxes/{sandbox_id}/logs", dependencies=guarded, tags=["sandboxes"], response_class=PlainTextResponse)
    async def logs(sandbox_id: Id) -> str:
        """Show what the guest itself said."""
        return await manager.logs(sandbox_id)


def _add_running(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.post("/sandboxes/{sandbox_id}/execute", dependencies=guarded, tags=["running"], response_model=None)
    async def execute(request: Request, sandbox_id: Id, body: ExecuteBody) -> Response:
        """Run code; with `Accept: application/x-ndjson` its events as they come, one a line."""
        events = manager.execute(sandbox_id, body.code, timeout=body.timeout, stdin=body.stdin)
        return await _answer(request, events)

    @app.post("/sandboxes/{sandbox_id}/commands", dependencies=guarded, tags=["running"], response_model=None)
    async def command(request: Request, sandbox_id: Id, body: CommandBody) -> Response:
        """Run a shell command; with `Accept: application/x-ndjson` its events as they come, one a line."""
        events = manager.command(sandbox_id, body.command, timeout=body.timeout, stdin=body.stdin)
        return await _answer(request, events)

    @app.post("/sandboxes/{sandbox_id}/interrupt", status_code=204, dependencies=guarded, tags=["running"])
    async def interrupt(sandbox_id: Id) -> None:
        """Interrupt the cell that runs."""
        await manager.interrupt(sandbox_id)

    @app.post("/sandboxes/{sandbox_id}/restart", status_code=204, dependencies=guarded, tags=["running"])
    async def restart(sandbox_id: Id) -> None:
        """Give the sandbox a new kernel; its files stay."""
        await manager.restart(sandbox_id)


def _add_files(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.get("/sandboxes/{sandbox_id}/files", dependencies=guarded, tags=["files"])
    async def list_files(sandbox_id: Id, path: FilePath = ".", recursive: bool = False) -> dict[str, Any]:
        """List a folder."""
        return await manager.list_files(sandbox_id, path, recursive=recursive)

    @app.get("/sandboxes/{sandbox_id}/files/content", dependencies=guarded, tags=["files"], response_model=None)
    async def read(sandbox_id: Id, path: FilePath) -> Response:
        """Read a file."""
        pieces = manager.read(sandbox_id, path)
        first = await anext(pieces)

        async def stream() -> AsyncIterator[bytes]:
            yield first
            async for piece in pieces:
                yield piece

        headers = {"X-Content-Type-Options": "nosniff"}
        return StreamingResponse(stream(), media_type="application/octet-stream", headers=headers)

    @app.put("/sandboxes/{sandbox_id}/files/content", dependencies=guarded, tags=["files"])
    async def write(request: Request, sandbox_id: Id, path: FilePath) -> dict[str, Any]:
        """Write a file; the body is what it holds."""
        return {"size": await manager.write(sandbox_id, path, request.stream())}

    @app.post("/sandboxes/{sandbox_id}/files/folders", status_code=201, dependencies=guarded, tags=["files"])
    async def make_folder(sandbox_id: Id, body: FolderBody) -> dict[str, Any]:
        """Make a folder, with those it lies in."""
        await manager.make_folder(sandbox_id, body.path)
        return {"path": body.path}

    @app.delete("/sandboxes/{sandbox_id}/files", status_code=204, dependencies=guarded, tags=["files"])
    async def remove(sandbox_id: Id, path: FilePath, recursive: bool = False) -> None:
        """Remove a file or a folder."""
        await manager.remove(sandbox_id, path, recursive=recursive)


async def _answer(request: Request, events: AsyncGenerator[dict[str, Any], None]) -> Response:
    if _NDJSON in request.headers.get("accept", ""):
        first = await anext(events)  # what is wrong with the request is an answer of its own
        return StreamingResponse(_lines(first, events), media_type=_NDJSON)
    gathering = asyncio.create_task(_gather(events))
    gone = asyncio.create_task(_hung_up(request))
    try:
        await asyncio.wait({gathering, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not gathering.done():
            return Response(status_code=499)
        return JSONResponse(gathering.result())
    finally:
        # A caller that hung up wants no result: the code is interrupted.
        for task in (gathering, gone):
            task.cancel()
        await asyncio.gather(gathering, gone, return_exceptions=True)
        await events.aclose()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _lines(first: dict[str, Any], events: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[str]:
    waiting: asyncio.Task[dict[str, Any]] | None = None
    try:
        yield json.dumps(first) + "\n"
        while True:
            waiting = waiting or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({waiting}, timeout=_ALIVE_SECONDS)
            if not done:
                yield '{"event": "alive"}\n'
                continue
            task, waiting = waiting, None
            try:
                yield json.dumps(task.result()) + "\n"
            except StopAsyncIteration:
                return
            except SandboxError as error:
                yield json.dumps({"event": "problem", **_problem(error)}) + "\n"
                return
    finally:
        if waiting is not None:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        await events.aclose()


async def _gather(events: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """Return the events of a call as one object."""
    texts: dict[str, list[str]] = {"stdout": [], "stderr": []}
    shown: list[Any] = []
    result, done = None, dict[str, Any]()
    async for event in events:
        kind = event.get("event")
        if kind in texts:
            texts[kind].append(event["text"])
        elif kind == "display":
            shown.append(event["data"])
        elif kind == "result":
            result = event["data"]
        elif kind == "done":
            done = {name: value for name, value in event.items() if name != "event"}
    return {
        "type": "result" if done.get("status") == "ok" else "error",
        "success": done.get("status") == "ok",
        "stdout": "".join(texts["stdout"]),
        "stderr": "".join(texts["stderr"]),
        "result": result,
        "displays": shown,
        **done,
    }


def run(host: str, port: int, api_key: str | None, provider: str) -> None:
    """Run the service until it is stopped; see `sandbox.client.serve`."""
    import uvicorn

    if not api_key and not _is_loopback(host):
        raise DeniedError(
            f"Without a key the service listens on this machine only, not at {host}: set SANDBOX_API_KEY."
        )
    uvicorn.run(create_app(api_key, provider), host=host, port=port, log_level="warning", server_header=False)


def __getattr__(name: str) -> Any:
    # Built for whoever asks for it, with the settings there are then.
    if name == "app":
        built = create_app(os.environ.get("SANDBOX_API_KEY") or None, os.environ.get("LRA_SANDBOX_PROVIDER") or "auto")
        globals()["app"] = built
        return built
    raise AttributeError(name)
