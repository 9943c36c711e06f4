"""One interface to sandboxes, in this process and over HTTP. Nothing else of this package is for other programs."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.keeping import Pruned

SERVICE = "lra-sandbox"
"""What `/health` calls itself; many programs listen on port 8000."""

Event = dict[str, Any]
"""`{"event": "stdout" | "stderr", "text"}`, `{"event": "display" | "result", "data": {MIME type: data}}`, and at the
end `{"event": "done", "status": "ok" | "error" | "exit" | "timeout" | "interrupted", "rung", "state", "cut", …}`."""


class Client(Protocol):
    """What can be done with sandboxes. Every method raises `SandboxError`."""

    async def health(self) -> dict[str, Any]:
        """Return whether sandboxes can be made, by what, or why not."""
        ...

    async def create(self, **options: Any) -> dict[str, Any]:
        """Make a sandbox (see `sandbox.options.OPTIONS`) and return what it is."""
        ...

    async def list_sandboxes(self) -> list[dict[str, Any]]:
        """Return what there is, oldest first."""
        ...

    async def get(self, sandbox_id: str) -> dict[str, Any]:
        """Return one sandbox."""
        ...

    async def delete(self, sandbox_id: str) -> None:
        """End one sandbox."""
        ...

    def execute(
        self, sandbox_id: str, code: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run code and yield its events; closing the generator interrupts the code."""
        ...

    def command(
        self, sandbox_id: str, command: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[Event, None]:
        """Run a shell command and yield its events; closing the generator ends the command."""
        ...

    async def interrupt(self, sandbox_id: str) -> None:
        """Interrupt the cell that runs."""
        ...

    async def restart(self, sandbox_id: str) -> None:
        """Give a sandbox a new kernel; its files stay."""
        ...

    async def pause(self, sandbox_id: str) -> None:
        """Stop every process in a sandbox in which nothing runs."""
        ...

    async def resume(self, sandbox_id: str) -> None:
        """Let a paused sandbox go on."""
        ...

    async def add_packages(self, sandbox_id: str, packages: dict[str, list[str]]) -> list[str]:
        """Add Python packages (`{"pip": [NAME]}`) to a sandbox that is there; return the files they came in."""
        ...

    async def list_packages(self, sandbox_id: str) -> list[dict[str, str]]:
        """Return `name` and `version` of every Python package in a sandbox."""
        ...

    def read_folder(self, sandbox_id: str, path: str = ".") -> AsyncGenerator[bytes, None]:
        """Yield a folder as a tar archive, in pieces."""
        ...

    async def write_folder(self, sandbox_id: str, path: str, data: AsyncIterable[bytes]) -> int:
        """Write the files of a tar archive into a folder; return how many they were."""
        ...

    def read(self, sandbox_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces."""
        ...

    async def write(self, sandbox_id: str, path: str, data: bytes | AsyncIterable[bytes]) -> int:
        """Write a file, with the folders it lies in; return its size."""
        ...

    async def list_files(self, sandbox_id: str, path: str = ".", *, recursive: bool = False) -> dict[str, Any]:
        """Return `entries` of a folder, and whether the list is `complete`."""
        ...

    async def make_folder(self, sandbox_id: str, path: str) -> None:
        """Make a folder, with those it lies in."""
        ...

    async def remove(self, sandbox_id: str, path: str, *, recursive: bool = False) -> None:
        """Remove a file or a folder."""
        ...

    async def logs(self, sandbox_id: str) -> str:
        """Return the last of what the guest itself said."""
        ...

    async def take_over(self, sandbox_id: str) -> bool:
        """Return whether an earlier sandbox is still there to be used; one of a dead process of this machine is."""
        ...

    async def close(self) -> None:
        """Let go; sandboxes made in this process end."""
        ...


async def connect(
    url: str | None = None, api_key: str | None = None, progress: Callable[[str], None] | None = None
) -> Client:
    """Return a client of the service when it answers at a URL, else one that works in this process.

    Args:
        url: Where a service may be.
        api_key: Its key, sent only to what has said that it is this service.
        progress: Told, from any thread, what takes long in this process, such as the building of an image.

    Raises:
        SandboxError: The service refuses the key.
    """
    import asyncio

    if url is not None and await asyncio.to_thread(_listens, url):
        found = await asyncio.to_thread(probe, url, api_key)
        if found.refused:
            from sandbox.errors import DeniedError

            raise DeniedError(found.detail)
        if found.is_sandbox:
            from sandbox.http_client import HttpClient

            return HttpClient(url, api_key)
    # Its packages are many: the event loop goes on meanwhile.
    return await asyncio.to_thread(_manager, progress)


def likely(url: str | None = None) -> str | None:
    """Return why no code can be run here, or None when it probably can. Quick: nothing is loaded, made or started.

    Args:
        url: Where a service may be.
    """
    from sandbox.likely import why_not

    # A service may be far away: it is asked last.
    missing = why_not()
    return missing if missing is None or url is None or not _listens(url) else None


async def list_here() -> list[dict[str, Any]]:
    """Return the sandboxes of every process of this person on this machine, oldest first."""
    from sandbox.here import list_here as find

    return await find()


async def stop_here(sandbox_id: str) -> bool:
    """End a sandbox of any process of this person on this machine; return whether there was one.

    Args:
        sandbox_id: Which.
    """
    from sandbox.here import stop_here as stop

    return await stop(sandbox_id)


async def logs_here(sandbox_id: str) -> str | None:
    """Return what a guest of any process of this person said; None when there is no such sandbox.

    Args:
        sandbox_id: Which.
    """
    from sandbox.keeping import logs_here as logs

    return await logs(sandbox_id)


async def prune(*, images: bool = False) -> Pruned:
    """End sandboxes whose owner has ended, and remove what they left.

    Args:
        images: Whether to remove cached images too.
    """
    from sandbox.keeping import prune as clear

    return await clear(images=images)


async def images() -> list[dict[str, Any]]:
    """Return the cached images with packages: provider, image, packages, size and when each was created."""
    from sandbox.keeping import images as find

    return await find()


async def build(provider: str, packages: Mapping[str, tuple[str, ...]], progress: Callable[[str], None]) -> str:
    """Build what sandboxes with some packages are started from.

    Args:
        provider: Name of a provider, or `auto`.
        packages: Names by package manager.
        progress: Told what is done, line by line.

    Raises:
        SandboxError: It cannot be built.
    """
    from sandbox.keeping import build as make

    return await make(provider, packages, progress)


async def selfcheck(provider: str) -> AsyncGenerator[tuple[str, str | None], None]:
    """Try what a provider promises, in a sandbox of its own; yield each promise and what was wrong with it, or None.

    Args:
        provider: Name of a provider, or `auto`.

    Raises:
        SandboxError: It cannot be used.
    """
    from sandbox.selfcheck import check_all

    async for each in check_all(provider):
        yield each


def serve(
    host: str, port: int, api_key: str | None, provider: str, pool: int = 1, ready: Callable[[], None] | None = None
) -> None:
    """Run the service until it is stopped.

    Args:
        host: Address to listen at.
        port: Port to listen at.
        api_key: What callers have to show; without one only this machine may call.
        provider: Name of a provider, or `auto`.
        pool: How many sandboxes of each kind that is asked for are kept ready.
        ready: Called once it listens.

    Raises:
        SandboxError: It may not or cannot listen there.
    """
    from sandbox.server import run

    run(host, port, api_key, provider, pool, ready)


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found at a URL."""

    reachable: bool
    is_sandbox: bool
    detail: str
    """One sentence for the person."""
    refused: bool = False
    """Whether the service does not take the key, or asks for one."""


def probe(url: str, api_key: str | None = None, timeout: float = 1.0) -> Probe:
    """Ask a URL whether it is a sandbox service, and whether it takes the key.

    The key is sent only after the service has identified itself.

    Args:
        url: Where the service is expected.
        api_key: Bearer key, tried once the service is known.
        timeout: Seconds to wait for each answer.
    """
    import httpx

    base = url.rstrip("/")
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            answer = client.get(f"{base}/health")
            if not _identifies(answer):
                return Probe(True, False, f"{base} answers, but is not a sandbox service.")
            headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
            if client.get(f"{base}/sandboxes", headers=headers).status_code in {401, 403}:
                what = "refuses the key" if api_key else "asks for a key"
                return Probe(True, True, f"The sandbox service at {base} {what}.", refused=True)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        return Probe(False, False, f"Nothing answers at {base} ({type(error).__name__}).")
    return Probe(True, True, f"The sandbox service answers at {base}.")


def _manager(progress: Callable[[str], None] | None) -> Client:
    from sandbox.manager import Manager

    manager = Manager(lasting=True, adopting=False)
    manager.progress = progress
    return manager


def _listens(url: str) -> bool:
    """Whether anything is there; asked before the libraries that a real question takes are loaded."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=1.0):
            return True
    except (OSError, ValueError):
        return False


def _identifies(answer: object) -> bool:
    import httpx

    if not isinstance(answer, httpx.Response) or answer.status_code != 200:
        return False
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and body.get("service") == SERVICE


__all__ = [
    "SERVICE",
    "Client",
    "Event",
    "Probe",
    "SandboxError",
    "build",
    "connect",
    "images",
    "likely",
    "list_here",
    "logs_here",
    "probe",
    "prune",
    "selfcheck",
    "serve",
    "stop_here",
]
