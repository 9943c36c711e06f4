"""Who may call the service, and how much they may say at once."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
from collections.abc import Callable
from typing import Any

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.errors import DeniedError, KeyMissingError
from sandbox.pool import KEY_PREFIX
from sandbox.problems import PROBLEM, Json, problem

MOST_BODY = 4_000_000
"""Bytes of a request that is not a file."""
_DRAINED = 16_000_000
"""Bytes of a body that was turned away which are read, and not kept."""
_DRAIN_SECONDS = 5.0
_STREAMED = ("/files/content", "/files/archive")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def guard(api_key: str | None, opens: Callable[[str, str], bool]) -> list[Any]:
    """Return the dependencies of a route that not everybody may use.

    Args:
        api_key: The service's key, which opens everything.
        opens: Whether a key opens a sandbox.
    """

    # Not a plain function, which would be given a thread for every request.
    async def allowed(request: Request) -> None:
        _allow(request, api_key, opens)

    # The scheme is for the OpenAPI page; what is shown is looked at above.
    return [
        Depends(HTTPBearer(auto_error=False, description="The service's key, or a sandbox's own.")),
        Depends(allowed),
    ]


def _allow(request: Request, api_key: str | None, opens: Callable[[str, str], bool]) -> None:
    given = request.headers.get("authorization", "")
    sandbox_id = request.path_params.get("sandbox_id")
    if given.startswith(f"Bearer {KEY_PREFIX}"):
        # A key of one sandbox opens nothing else, also where none would be asked for.
        if not sandbox_id or not opens(given.removeprefix("Bearer "), sandbox_id):
            raise DeniedError("This key opens one sandbox, and not this.")
        if api_key:
            return
    elif api_key:
        if not given:
            raise KeyMissingError("A key is needed: send it as 'Authorization: Bearer KEY'.")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {api_key}".encode()):
            raise DeniedError("The key is wrong: send it as 'Authorization: Bearer KEY'.")
        return
    # Without a key nobody but this machine may call, whatever address the server was bound to, and no page in a
    # browser of this machine: its requests carry an origin, and a rebound name another host.
    if request.client is None or not is_loopback(request.client.host):
        raise DeniedError("Without a key only this machine may call: set SANDBOX_API_KEY for the service.")
    if "origin" in request.headers or not is_loopback(request.url.hostname or ""):
        raise DeniedError("Without a key no web page may call, and only by the name of this machine.")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine.

    Args:
        host: Name or address.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class BodyLimit:
    """Turns away bodies that are too long before they are held in memory; files are streamed and have quotas.

    Args:
        app: What is guarded.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        receive, send = _hanging_up(receive, send, unread=scope["method"] in _WITH_BODY)
        if str(scope["path"]).endswith(_STREAMED):
            await self._app(scope, receive, send)
            return
        parts: list[bytes] = []
        size = 0
        more = scope["method"] in _WITH_BODY
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MOST_BODY:
                parts.clear()
                if message.get("more_body"):
                    await _drain(receive)
                detail = f"A request is at most {MOST_BODY:,} bytes; write more into a file."
                await Json(problem("limit", 413, detail), 413, media_type=PROBLEM)(scope, receive, send)
                return
            more = message.get("more_body", False)
        body, given = b"".join(parts), False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


async def _drain(receive: Receive) -> None:
    """Read on for a while: closed with bytes unread, a connection loses the answer that was just sent."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while size < _DRAINED:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _hanging_up(receive: Receive, send: Send, *, unread: bool) -> tuple[Receive, Send]:
    """Have the connection closed after an answer to a body that was not read to its end, which may have none."""

    async def take() -> Message:
        nonlocal unread
        message = await receive()
        unread = bool(message.get("more_body"))
        return message

    async def give(message: Message) -> None:
        if unread and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"connection", b"close")]
        await send(message)

    return take, give
