"""The service: `python -m uvicorn sandbox.server:app --port 8000`, or `lra sandbox serve`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from sandbox import metrics, schemas
from sandbox.access import BodyLimit, guard, is_loopback
from sandbox.answers import NDJSON, answer, streamed
from sandbox.client import SERVICE
from sandbox.errors import DeniedError, UnavailableError
from sandbox.manager import LEASE, MOST, Manager
from sandbox.paths import runtime_folder
from sandbox.problems import Json, answer_errors, describe
from sandbox.schemas import FilePath, Id

_THREADS = 64
_KEEP_ALIVE = 60
"""Seconds that an idle connection is kept: longer than callers keep it, who would find it closed when they use it."""
_TAR = "application/x-tar"
_BYTES = "application/octet-stream"
_RAN: dict[int | str, dict[str, Any]] = {
    200: {
        "model": schemas.Ran,
        "description": "What it did, or with `Accept: application/x-ndjson` its events, one a line",
        "content": {NDJSON: {"schema": {"type": "string"}}},
    }
}
POOL = 1
"""Sandboxes of each kind that a service keeps ready when it is told nothing else."""


def create_app(
    api_key: str | None = None, provider: str = "auto", pool: int = POOL, lease: float = LEASE, most: int = MOST
) -> FastAPI:
    """Return the service as an ASGI application.

    Args:
        api_key: What callers have to show; without one only this machine may call.
        provider: Name of a provider, or `auto`.
        pool: How many sandboxes of each kind are kept ready.
        lease: Seconds that sandboxes outlive a service that was killed.
        most: How many sandboxes there may be at once, those that wait not counted.
    """
    manager = Manager(provider, lasting=True, pool=pool, lease=lease, most=most)

    @contextlib.asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        # What a Docker engine is asked takes its time: nothing else waits for a thread because of it.
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sandbox")
        asyncio.get_running_loop().set_default_executor(threads)
        await manager.open()
        try:
            yield
        finally:
            await manager.close()

    app = FastAPI(
        title="lra sandbox", version="1", lifespan=life, redoc_url=None, default_response_class=Json,
        description="Real kernels for code that nobody trusts.",
    )  # fmt: skip
    app.state.manager = manager
    app.add_middleware(BodyLimit)
    answer_errors(app)
    guarded = guard(api_key, manager.opens)
    _add_service(app, manager, guarded)
    _add_sandboxes(app, manager, guarded)
    _add_running(app, manager, guarded)
    _add_files(app, manager, guarded)
    describe(app)
    return app


def _add_service(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.get("/health", tags=["service"])
    async def health() -> schemas.Health:
        """Say what this is and whether it can make sandboxes."""
        return schemas.Health(service=SERVICE, **await manager.health())

    @app.get("/metrics", dependencies=guarded, tags=["service"], response_class=PlainTextResponse)
    async def figures() -> Response:
        """Show counters and gauges as Prometheus reads them."""
        return Response(manager.figures(), media_type=metrics.CONTENT_TYPE)


def _add_sandboxes(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.post("/sandboxes", status_code=201, dependencies=guarded, tags=["sandboxes"])
    async def create(request: Request, body: Annotated[schemas.CreateBody | None, Body()] = None) -> schemas.NewSandbox:
        """Make a sandbox."""
        made, key = await manager.create_with_key(**(body.options() if body else {}))
        if await request.is_disconnected():
            # Nobody will ever learn of it.
            await manager.delete(made["id"])
        return schemas.NewSandbox(**made, token=key)

    @app.get("/sandboxes", dependencies=guarded, tags=["sandboxes"])
    async def list_sandboxes() -> schemas.Sandboxes:
        """List the sandboxes, oldest first."""
        found = await manager.list_sandboxes()
        return schemas.Sandboxes(sandboxes=[schemas.SandboxInfo(**each) for each in found])

    @app.get("/sandboxes/{sandbox_id}", dependencies=guarded, tags=["sandboxes"])
    async def get(sandbox_id: Id) -> schemas.SandboxInfo:
        """Show one sandbox."""
        return schemas.SandboxInfo(**await manager.get(sandbox_id))

    @app.delete("/sandboxes/{sandbox_id}", status_code=204, dependencies=guarded, tags=["sandboxes"])
    async def delete(sandbox_id: Id) -> None:
        """End one sandbox."""
        await manager.delete(sandbox_id)

    @app.post("/sandboxes/{sandbox_id}/pause", status_code=204, dependencies=guarded, tags=["sandboxes"])
    async def pause(sandbox_id: Id) -> None:
        """Stop every process of a sandbox in which nothing runs; what it holds stays."""
        await manager.pause(sandbox_id)

    @app.post("/sandboxes/{sandbox_id}/resume", status_code=204, dependencies=guarded, tags=["sandboxes"])
    async def resume(sandbox_id: Id) -> None:
        """Let a paused sandbox go on."""
        await manager.resume(sandbox_id)

    @app.get("/sandboxes/{sandbox_id}/packages", dependencies=guarded, tags=["packages"])
    async def list_packages(sandbox_id: Id) -> schemas.Packages:
        """List the Python packages in a sandbox."""
        found = await manager.list_packages(sandbox_id)
        return schemas.Packages(packages=[schemas.Package(**each) for each in found])

    @app.post("/sandboxes/{sandbox_id}/packages", dependencies=guarded, tags=["packages"])
    async def add_packages(sandbox_id: Id, body: schemas.PackagesBody) -> schemas.Added:
        """Add Python packages to a sandbox; they are fetched outside, and the sandbox gets no network for it."""
        return schemas.Added(added=await manager.add_packages(sandbox_id, {"pip": body.pip}))

    @app.get("/sandboxes/{sandbox_id}/logs", dependencies=guarded, tags=["sandboxes"], response_class=PlainTextResponse)
    async def logs(sandbox_id: Id) -> str:
        """Show what the guest itself said."""
        return await manager.logs(sandbox_id)


def _add_running(app: FastAPI, manager: Manager, guarded: Any) -> None:
    @app.post("/sandboxes/{sandbox_id}/execute", dependencies=guarded, tags=["running"], responses=_RAN)
    async def execute(request: Request, sandbox_id: Id, body: schemas.ExecuteBody) -> Response:
        """Run code; with `Accept: application/x-ndjson` its events as they come, one a line."""
        events = manager.execute(sandbox_id, body.code, timeout=body.timeout, stdin=body.stdin)
        return await answer(request, events)

    @app.post("/sandboxes/{sandbox_id}/commands", dependencies=guarded, tags=["running"], responses=_RAN)
    async def command(request: Request, sandbox_id: Id, body: schemas.CommandBody) -> Response:
        """Run a shell command; with `Accept: application/x-ndjson` its events as they come, one a line."""
        events = manager.command(sandbox_id, body.command, timeout=body.timeout, stdin=body.stdin)
        return await answer(request, events)

    @app.post("/sandboxes/{sandbox_id}/interrupt", status_code=204, dependencies=guarded, tags=["running"])
    async def interrupt(sandbox_id: Id) -> None:
        """Interrupt the cell that runs."""
        await manager.interrupt(sandbox_id)

    @app.post("/sandboxes/{sandbox_id}/restart", status_code=204, dependencies=guarded, tags=["running"])
    async def restart(sandbox_id: Id) -> None:
        """Give the sandbox a new kernel; its files stay."""
        await manager.restart(sandbox_id)


def _add_files(app: FastAPI, manager: Manager, guarded: Any) -> None:
    def body(media_type: str) -> dict[str, Any]:
        schema = {"type": "string", "format": "binary"}
        return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}

    def content(media_type: str) -> dict[int | str, dict[str, Any]]:
        return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}

    @app.get("/sandboxes/{sandbox_id}/files", dependencies=guarded, tags=["files"])
    async def list_files(sandbox_id: Id, path: FilePath = ".", recursive: bool = False) -> schemas.Files:
        """List a folder."""
        return schemas.Files(**await manager.list_files(sandbox_id, path, recursive=recursive))

    @app.get(
        "/sandboxes/{sandbox_id}/files/content", dependencies=guarded, tags=["files"],
        response_class=Response, responses=content(_BYTES),
    )  # fmt: skip
    async def read(sandbox_id: Id, path: FilePath) -> Response:
        """Read a file."""
        return await streamed(manager.read(sandbox_id, path), _BYTES)

    @app.put("/sandboxes/{sandbox_id}/files/content", dependencies=guarded, tags=["files"], openapi_extra=body(_BYTES))
    async def write(request: Request, sandbox_id: Id, path: FilePath) -> schemas.Written:
        """Write a file; the body is what it holds."""
        return schemas.Written(size=await manager.write(sandbox_id, path, request.stream()))

    @app.get(
        "/sandboxes/{sandbox_id}/files/archive", dependencies=guarded, tags=["files"],
        response_class=Response, responses=content(_TAR),
    )  # fmt: skip
    async def read_folder(sandbox_id: Id, path: FilePath = ".") -> Response:
        """Read a folder with all it holds, as a tar archive."""
        return await streamed(manager.read_folder(sandbox_id, path), _TAR)

    @app.put("/sandboxes/{sandbox_id}/files/archive", dependencies=guarded, tags=["files"], openapi_extra=body(_BYTES))
    async def write_folder(request: Request, sandbox_id: Id, path: FilePath = ".") -> schemas.Unpacked:
        """Write the files and folders of a tar archive into a folder."""
        return schemas.Unpacked(files=await manager.write_folder(sandbox_id, path, request.stream()))

    @app.post("/sandboxes/{sandbox_id}/files/folders", status_code=201, dependencies=guarded, tags=["files"])
    async def make_folder(sandbox_id: Id, body: schemas.FolderBody) -> schemas.FolderBody:
        """Make a folder, with those it lies in."""
        await manager.make_folder(sandbox_id, body.path)
        return body

    @app.delete("/sandboxes/{sandbox_id}/files", status_code=204, dependencies=guarded, tags=["files"])
    async def remove(sandbox_id: Id, path: FilePath, recursive: bool = False) -> None:
        """Remove a file or a folder."""
        await manager.remove(sandbox_id, path, recursive=recursive)


def run(
    host: str, port: int, api_key: str | None, provider: str, pool: int = POOL, ready: Callable[[], None] | None = None
) -> None:
    """Run the service until it is stopped; see `sandbox.client.serve`."""
    import uvicorn

    if not api_key and not is_loopback(host):
        raise DeniedError(
            f"Without a key the service listens on this machine only, not at {host}: set SANDBOX_API_KEY."
        )
    runtime_folder("records")  # what is wrong with it is said in one sentence here, and not in the middle of a start
    app = create_app(api_key, provider, pool, *_limits())
    with _listening(host, port) as listener:
        if ready is not None:
            ready()
        # This parser ends a request whose head is too long; the quicker one would gather it.
        config = uvicorn.Config(
            app, log_level="warning", server_header=False, http="h11", timeout_keep_alive=_KEEP_ALIVE
        )
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UnavailableError(f"The service cannot listen at {host}, port {port}: {reason}.") from None


def __getattr__(name: str) -> Any:
    # Built for whoever asks for it, with the settings there are then.
    if name == "app":
        built = create_app(
            os.environ.get("SANDBOX_API_KEY") or None,
            os.environ.get("LRA_SANDBOX_PROVIDER") or "auto",
            int(_number("SANDBOX_POOL", POOL, 0, 64)),
            *_limits(),
        )
        globals()["app"] = built
        return built
    raise AttributeError(name)


def _limits() -> tuple[float, int]:
    """Return the lease of sandboxes, and how many there may be, as the environment says."""
    return _number("SANDBOX_LEASE", LEASE, 1.0, 3600.0), int(_number("SANDBOX_MOST", MOST, 1, 10_000))


def _number(name: str, default: float, least: float, most: float) -> float:
    """Return a number from the environment; what is none is the default."""
    try:
        return max(least, min(float(os.environ.get(name) or default), most))
    except ValueError:
        return default
