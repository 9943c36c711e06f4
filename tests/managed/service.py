"""Anthropic's managed agents on loopback, as far as they are documented: strict about what it is sent."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Event = dict[str, Any]
BREAK = {"type": "break"}
"""In a script: the connection of whoever listens is cut here."""
END = {"type": "session.status_idle", "stop_reason": {"type": "end_turn"}}


def said(text: str) -> Event:
    return {"type": "agent.message", "content": [{"type": "text", "text": text}]}


def waits(*ids: str) -> Event:
    return {"type": "session.status_idle", "stop_reason": {"type": "requires_action", "event_ids": list(ids)}}


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message


class Service:
    """Agents, environments and sessions; what a session does with a message is scripted, a list of events each.

    After an event that waits, the rest comes when every id in it has its answer.
    """

    def __init__(self, *turns: list[Event]) -> None:
        self.turns = list(turns)
        self.agents: dict[str, list[dict[str, Any]]] = {}
        self.environments: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.events: dict[str, list[Event]] = {}
        self.headers: list[dict[str, str]] = []
        self.listeners: dict[str, list[asyncio.Queue[Event | None]]] = {}
        self._rest: dict[str, list[Event]] = {}
        self._open: dict[str, set[str]] = {}
        self._ids = itertools.count(1)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    async def _serve(self) -> None:
        routes = [Route("/v1/{path:path}", self._answer, methods=["GET", "POST", "DELETE"])]
        self._server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off"))
        self._ready.set()
        await self._server.serve(sockets=[self._socket])

    async def _answer(self, request: Request) -> Response:
        headers = dict(request.headers)
        self.headers.append(headers)
        try:
            if "test-key" not in (headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")):
                raise Refused(401, "invalid x-api-key")
            if "managed-agents-2026-04-01" not in headers.get("anthropic-beta", ""):
                raise Refused(400, "the beta header is missing")
            body = await request.json() if request.method == "POST" and await request.body() else {}
            return await self._route(request, request.path_params["path"].strip("/").split("/"), body)
        except Refused as refused:
            error = {"type": "error", "error": {"type": "x", "message": refused.message}}
            return JSONResponse(error, status_code=refused.status)

    async def _route(self, request: Request, path: list[str], body: dict[str, Any]) -> Response:
        made: Callable[..., Any] = getattr(self, f"_make_{path[0].removesuffix('s')}")
        shelf: dict[str, Any] = getattr(self, path[0])
        if len(path) == 1:
            if request.method == "POST":
                return JSONResponse(made(body))
            found = [each[-1] if isinstance(each, list) else each for each in shelf.values()]
            if wanted := request.query_params.get("agent_id"):
                found = [each for each in found if each["agent"]["id"] == wanted]
            return JSONResponse({"data": found[::-1], "next_page": None})
        if path[1] not in shelf:
            raise Refused(404, f"{path[0]} {path[1]} not found")
        one = shelf[path[1]]
        latest = one[-1] if isinstance(one, list) else one
        if path[2:3] == ["events"]:
            return self._of_events(request, path, body)
        match request.method, path[2:]:
            case "GET", []:
                pass
            case "DELETE", []:
                del shelf[path[1]]
            case "POST", ["archive"]:
                latest["archived_at"] = _now()
            case "POST", []:
                latest = self._make_agent(body, path[1])
            case _:
                raise Refused(404, "no such path")
        return JSONResponse(latest)

    def _of_events(self, request: Request, path: list[str], body: dict[str, Any]) -> Response:
        session_id = path[1]
        if request.method == "POST":
            return JSONResponse({"data": [self._take(session_id, event) for event in body["events"]]})
        if path[3:] == ["stream"]:
            return StreamingResponse(self._stream(session_id), media_type="text/event-stream")
        every = self.events[session_id]
        return JSONResponse({"data": every[::-1] if request.query_params.get("order") == "desc" else every})

    def _make_agent(self, body: dict[str, Any], agent_id: str | None = None) -> dict[str, Any]:
        if agent_id is None and not (body.get("name") and str(body.get("model", "")).startswith("claude-")):
            raise Refused(400, "name and model are required")
        agent_id = agent_id or f"agent_{next(self._ids)}"
        versions = self.agents.setdefault(agent_id, [])
        versions.append({"type": "agent", **body, "id": agent_id, "version": len(versions) + 1, "created_at": _now()})
        return versions[-1]

    def _make_environment(self, body: dict[str, Any]) -> dict[str, Any]:
        if any(each["name"] == body["name"] for each in self.environments.values()):
            raise Refused(409, "the name is taken")
        made = {"type": "environment", **body, "id": f"env_{next(self._ids)}", "created_at": _now()}
        self.environments[made["id"]] = made
        return made

    def _make_session(self, body: dict[str, Any]) -> dict[str, Any]:
        agent = body["agent"] if isinstance(body["agent"], dict) else {"id": body["agent"]}
        if agent["id"] not in self.agents or body["environment_id"] not in self.environments:
            raise Refused(404, "no such agent or environment")
        made = {
            "type": "session",
            **body,
            "id": f"sesn_{next(self._ids)}",
            "agent": agent,
            "status": "idle",
            "usage": {"input_tokens": 0, "output_tokens": 0},
            "created_at": _now(),
        }
        self.sessions[made["id"]], self.events[made["id"]], self.listeners[made["id"]] = made, [], []
        return made

    def _take(self, session_id: str, event: Event) -> Event:
        noted = self._note(session_id, event)
        if event["type"] == "user.message":
            self.sessions[session_id]["usage"]["input_tokens"] += 10
            self.sessions[session_id]["usage"]["output_tokens"] += 2
            self._go_on(session_id, [{"type": "session.status_running"}, *self.turns.pop(0)])
        elif event["type"] == "user.interrupt":
            self._go_on(session_id, [END])
        else:
            answered = event.get("tool_use_id") or event.get("custom_tool_use_id")
            waiting = self._open.get(session_id, set())
            if answered not in waiting:
                raise Refused(400, f"nothing waits for {answered}")
            waiting.discard(str(answered))
            self._go_on(session_id, [waits(*waiting)] if waiting else self._rest.pop(session_id))
        return noted

    def _go_on(self, session_id: str, events: list[Event]) -> None:
        for number, event in enumerate(events):
            if event is BREAK:
                for queue in self.listeners[session_id]:
                    queue.put_nowait(None)
                continue
            stop = event.get("stop_reason", {})
            if stop.get("type") == "requires_action" and session_id not in self._rest:
                self._open[session_id], self._rest[session_id] = set(stop["event_ids"]), events[number + 1 :]
                self._note(session_id, event)
                return
            self._note(session_id, event)

    def _note(self, session_id: str, event: Event) -> Event:
        noted = {"id": f"sevt_{next(self._ids)}", "processed_at": _now(), **event}
        self.events[session_id].append(noted)
        for queue in self.listeners[session_id]:
            queue.put_nowait(noted)
        return noted

    async def _stream(self, session_id: str) -> AsyncIterator[str]:
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.listeners[session_id].append(queue)
        try:
            yield "event: ping\ndata: {}\n\n"
            while (event := await queue.get()) is not None:
                yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        finally:
            self.listeners[session_id].remove(queue)


def _now() -> str:
    return datetime.now(UTC).isoformat()
