"""The HTTP routes: the model APIs, what probes ask for, and remote control."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import anthropic_messages, openai_chat, openai_responses
from .playback import GARBAGE_BODY, GARBAGE_STREAM, Playback, json_frames
from .script import Fault, script_from_json
from .state import RecordedRequest, State
from .wire import Frame, Reply, Wire

WIRES: dict[str, Wire] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/messages": anthropic_messages,
}
ON_THE_WAY = ("garbage", "truncate", "stream_error", "silence", "hang_up")


def build_app(state: State) -> Starlette:
    """The application that answers from the state's script."""

    def model_route(path: str, wire: Wire) -> Route:
        async def answer(request: Request) -> Response:
            return await answer_model(state, wire, request)

        return Route(path, answer, methods=["POST"])

    async def models(request: Request) -> Response:
        entry = {"id": "test-model", "object": "model", "created": openai_chat.CREATED, "owned_by": "tests"}
        return JSONResponse({"object": "list", "data": [entry]})

    async def ollama_tags(request: Request) -> Response:
        return JSONResponse({"models": [{"name": "test-model:latest", "model": "test-model:latest", "size": 1}]})

    async def ollama_version(request: Request) -> Response:
        return JSONResponse({"version": "0.12.0"})

    async def release(request: Request) -> Response:
        state.gate.open(int(request.query_params.get("count", 1)))
        return Response(status_code=204)

    async def status(request: Request) -> Response:
        return JSONResponse(
            {
                "requests": len(state.requests),
                "held": state.gate.waiting,
                "steps_left": state.script.left,
                "complaints": state.complaints,
            }
        )

    async def recorded(request: Request) -> Response:
        return JSONResponse([asdict(item) for item in state.requests])

    async def script(request: Request) -> Response:
        state.script.replace(*script_from_json(await request.json()))
        return Response(status_code=204)

    return Starlette(
        routes=[
            *(model_route(path, wire) for path, wire in WIRES.items()),
            Route("/v1/models", models),
            Route("/api/tags", ollama_tags),
            Route("/api/version", ollama_version),
            Route("/_control/release", release, methods=["POST"]),
            Route("/_control/script", script, methods=["POST"]),
            Route("/_control/status", status),
            Route("/_control/requests", recorded),
        ]
    )


async def answer_model(state: State, wire: Wire, request: Request) -> Response:
    """Answer one model request: refuse a broken history, else play the next step."""
    text = (await request.body()).decode()
    body: dict[str, Any] = json.loads(text)
    record = RecordedRequest(request.url.path, dict(request.headers), body)
    state.requests.append(record)
    number = len(state.requests)
    try:
        refusal = wire.check(body)
        if refusal is None:
            record.messages = wire.messages(body)
            step = state.script.take(body, text)
    except Exception as error:
        # What goes wrong in a test's own handler must not look like a fault of the provider, to be retried.
        refusal = wire.refuse(Fault("bad_request", message=repr(error)), str(body.get("model")))
    if refusal is not None:
        state.complaints.append(f"request {number}: {refusal.message}")
        record.status = refusal.status
        return JSONResponse(refusal.body, refusal.status)
    return _playback(state, wire, record, Reply(step, number, body, state.name))


def _playback(state: State, wire: Wire, record: RecordedRequest, reply: Reply) -> Response:
    step, fault, streaming = reply.step, reply.step.fault, bool(reply.body.get("stream"))
    play = partial(Playback, step=step, gate=state.gate, record=record)
    if fault and fault.kind == "stream_error" and not streaming:
        fault = Fault("overloaded")
        play = partial(Playback, step=replace(step, fault=fault), gate=state.gate, record=record)
    if fault and fault.kind not in ON_THE_WAY:
        refusal = wire.refuse(fault, reply.model)
        return play(json_frames(refusal.body), status=refusal.status, headers=refusal.headers)
    media_type = "text/event-stream" if streaming else "application/json"
    if fault and fault.kind == "garbage":
        return play([Frame(GARBAGE_STREAM if streaming else GARBAGE_BODY)], media_type=media_type)
    if streaming:
        broken_by = wire.stream_error() if fault and fault.kind == "stream_error" else b""
        return play(wire.stream(reply), media_type=media_type, broken_by=broken_by)
    return play(json_frames(wire.complete(reply), 4 if fault or step.hold else 1))
