"""Sandboxes of a service elsewhere."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.errors import ERRORS, NotFoundError, SandboxError, UnavailableError

_SECONDS = httpx.Timeout(60.0, connect=5.0)
# A connection is given up sooner than the service does, which would close it just when it is used again.
_LIMITS = httpx.Limits(max_connections=None, keepalive_expiry=1.0)
_PACKAGE_SECONDS = httpx.Timeout(600.0, connect=5.0)
_CLOSED = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""A busy service closed a connection at the very moment it was used again."""
# While code runs the service sends something at least every few seconds.
_STREAM_SECONDS = httpx.Timeout(60.0, connect=5.0, read=60.0)


class HttpClient:
    """A `sandbox.client.Client` over HTTP.

    Args:
        url: Where the service is.
        api_key: Its key.
    """

    def __init__(self, url: str, api_key: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, timeout=_SECONDS, limits=_LIMITS)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """Return what the service says of itself."""
        return dict((await self._ask("GET", "/health")).json())

    async def create(self, **options: Any) -> dict[str, Any]:
        """Make a sandbox."""
        made = dict((await self._ask("POST", "/sandboxes", json=options, timeout=_PACKAGE_SECONDS)).json())
        made.pop("token", None)  # whoever has the service's key needs none
        return made

    async def list_sandboxes(self) -> list[dict[str, Any]]:
        """Return what there is."""
        return list((await self._ask("GET", "/sandboxes")).json()["sandboxes"])

    async def get(self, sandbox_id: str) -> dict[str, Any]:
        """Return one sandbox."""
        return dict((await self._ask("GET", _at(sandbox_id))).json())

    async def take_over(self, sandbox_id: str) -> bool:
        """Return whether the service has a sandbox that runs."""
        try:
            return str((await self.get(sandbox_id))["status"]) != "ended"
        except NotFoundError:
            return False

    async def delete(self, sandbox_id: str) -> None:
        """End one sandbox."""
        await self._ask("DELETE", _at(sandbox_id))

    async def execute(
        self, sandbox_id: str, code: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Run code and yield its events."""
        body = {"code": code, "timeout": timeout, "stdin": stdin}
        async for event in self._events(_at(sandbox_id, "execute"), body):
            yield event

    async def command(
        self, sandbox_id: str, command: str, *, timeout: float | None = None, stdin: str = ""
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Run a shell command and yield its events."""
        body = {"command": command, "timeout": timeout, "stdin": stdin}
        async for event in self._events(_at(sandbox_id, "commands"), body):
            yield event

    async def interrupt(self, sandbox_id: str) -> None:
        """Interrupt the cell that runs."""
        await self._ask("POST", _at(sandbox_id, "interrupt"))

    async def restart(self, sandbox_id: str) -> None:
        """Give a sandbox a new kernel."""
        await self._ask("POST", _at(sandbox_id, "restart"))

    async def pause(self, sandbox_id: str) -> None:
        """Stop every process in a sandbox."""
        await self._ask("POST", _at(sandbox_id, "pause"))

    async def resume(self, sandbox_id: str) -> None:
        """Let a paused sandbox go on."""
        await self._ask("POST", _at(sandbox_id, "resume"))

    async def add_packages(self, sandbox_id: str, packages: dict[str, list[str]]) -> list[str]:
        """Add Python packages to a sandbox that is there."""
        answer = await self._ask("POST", _at(sandbox_id, "packages"), json=packages, timeout=_PACKAGE_SECONDS)
        return list(answer.json()["added"])

    async def list_packages(self, sandbox_id: str) -> list[dict[str, str]]:
        """Return the Python packages in a sandbox."""
        return list((await self._ask("GET", _at(sandbox_id, "packages"))).json()["packages"])

    async def read_folder(self, sandbox_id: str, path: str = ".") -> AsyncGenerator[bytes, None]:
        """Yield a folder as a tar archive, in pieces."""
        async with self._stream("GET", _at(sandbox_id, "files/archive"), params={"path": path}) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def write_folder(self, sandbox_id: str, path: str, data: AsyncIterable[bytes]) -> int:
        """Write the files of a tar archive into a folder."""
        answer = await self._ask("PUT", _at(sandbox_id, "files/archive"), params={"path": path}, content=data)
        return int(answer.json()["files"])

    async def read(self, sandbox_id: str, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file in pieces."""
        async with self._stream("GET", _at(sandbox_id, "files/content"), params={"path": path}) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    async def write(self, sandbox_id: str, path: str, data: bytes | AsyncIterable[bytes]) -> int:
        """Write a file."""
        answer = await self._ask("PUT", _at(sandbox_id, "files/content"), params={"path": path}, content=data)
        return int(answer.json()["size"])

    async def list_files(self, sandbox_id: str, path: str = ".", *, recursive: bool = False) -> dict[str, Any]:
        """Return the entries of a folder."""
        params = {"path": path, "recursive": recursive}
        return dict((await self._ask("GET", _at(sandbox_id, "files"), params=params)).json())

    async def make_folder(self, sandbox_id: str, path: str) -> None:
        """Make a folder."""
        await self._ask("POST", _at(sandbox_id, "files/folders"), json={"path": path})

    async def remove(self, sandbox_id: str, path: str, *, recursive: bool = False) -> None:
        """Remove a file or a folder."""
        await self._ask("DELETE", _at(sandbox_id, "files"), params={"path": path, "recursive": recursive})

    async def logs(self, sandbox_id: str) -> str:
        """Return what the guest said."""
        return (await self._ask("GET", _at(sandbox_id, "logs"))).text

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        # What is made for a caller that hung up is ended by the service, so that it may be asked for once more.
        tries = 2 if method == "GET" or path == "/sandboxes" else 1
        while True:
            tries -= 1
            try:
                answer = await self._http.request(method, path, **more)
                break
            except httpx.HTTPError as error:
                if not tries or not isinstance(error, _CLOSED):
                    raise _unreachable(error) from None
        if answer.is_error:
            raise _problem(answer)
        return answer

    @asynccontextmanager
    async def _stream(self, method: str, path: str, **more: Any) -> AsyncGenerator[httpx.Response, None]:
        try:
            async with self._http.stream(method, path, timeout=_STREAM_SECONDS, **more) as answer:
                if answer.is_error:
                    await answer.aread()
                    raise _problem(answer)
                yield answer
        except httpx.HTTPError as error:
            raise _unreachable(error) from None

    async def _events(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        headers = {"Accept": "application/x-ndjson"}
        async with self._stream("POST", path, json=body, headers=headers) as answer:
            ended = False
            async for line in answer.aiter_lines():
                event = json.loads(line)
                if event.get("event") == "problem":
                    raise _error(event)
                ended = ended or event.get("event") == "done"
                if event.get("event") != "alive":
                    yield event
            if not ended:
                raise UnavailableError("The sandbox service ended while code was running.")


def _at(sandbox_id: str, rest: str = "") -> str:
    path = f"/sandboxes/{quote(sandbox_id, safe='')}"
    return f"{path}/{rest}" if rest else path


def _unreachable(error: Exception) -> UnavailableError:
    return UnavailableError(f"The sandbox service does not answer ({type(error).__name__}).")


def _problem(answer: httpx.Response) -> SandboxError:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if isinstance(body, dict) and isinstance(body.get("detail"), str):
        return _error(body)
    return SandboxError(f"The sandbox service answers with {answer.status_code}.")


def _error(body: dict[str, Any]) -> SandboxError:
    kind = str(body.get("type", "")).rpartition(":")[2]
    return ERRORS.get(kind, SandboxError)(str(body["detail"]))
