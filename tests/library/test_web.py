"""A web server that answers several people at once, each in a conversation of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from lra import Session
from lra.config import load_settings
from lra.events import TextDelta
from lra.runtime import Runtime

PEOPLE = 8


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.runtime = await Runtime.open(await asyncio.to_thread(load_settings))
    yield
    await app.state.runtime.close()


async def talk(request: Request) -> StreamingResponse:
    text = (await request.body()).decode()
    conversation = request.path_params["conversation"]

    async def answer() -> AsyncIterator[str]:
        async with await Session.open(
            request.app.state.runtime, session_id=conversation, model="offline", origin="library", use_memory=False
        ) as session:
            async for event in session.send(text):
                if isinstance(event, TextDelta):
                    yield event.text

    return StreamingResponse(answer(), media_type="text/plain")


async def test_several_people_at_once() -> None:
    app = Starlette(routes=[Route("/{conversation}", talk, methods=["POST"])], lifespan=lifespan)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://web") as client,
    ):
        for text in ("My dog is called Rex{}.", "What is my dog called?"):
            said = await asyncio.gather(*(client.post(f"/person{n}", content=text.format(n)) for n in range(PEOPLE)))
        for number, response in enumerate(said):
            assert response.status_code == 200
            assert f"Rex{number}" in response.text
            assert [word for word in response.text.split() if "Rex" in word] == [
                word for word in response.text.split() if f"Rex{number}" in word
            ]
