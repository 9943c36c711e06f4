"""Specialists seen from outside: the stream of events, the record after a kill, and what is deleted with what."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lra import StructuredMemoryStore
from tests.session.support import MODELS, Desk
from tests.support.fixtures import env_for
from tests.support.model_server import ModelServer, call, say

CHAT = [sys.executable, "-m", "lra", "chat", "-p", "Find out."]
ROOT = Path(__file__).parents[2]


def environment(server: ModelServer) -> dict[str, str]:
    return {**os.environ, **env_for(server), "LRA_MODEL": MODELS["openai-chat"], "PYTHONPATH": str(ROOT)}


def test_the_stream_of_events(model_server: ModelServer) -> None:
    model_server.script(
        say("", call("delegate_research_task", task="What is my dog called?")),
        say("I look.", call("search_memory", query="dog")),
        say("Nothing is known."),
        say("I do not know."),
    )
    done = subprocess.run(
        [*CHAT, "--output-format", "stream-json"],
        env=environment(model_server),
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["session_id"] for event in events}) == 1
    nested = [event for event in events if "parent" in event]
    assert {event["type"] for event in nested} == {"tool_started", "tool_finished"}
    assert {(event["agent"], event["name"]) for event in nested} == {("research", "search_memory")}
    (outer,) = [event for event in events if event["type"] == "tool_started" and "parent" not in event]
    assert {event["parent"] for event in nested} == {outer["call_id"]}
    # Whoever puts the text together gets the answer and nothing else.
    assert "".join(event["text"] for event in events if event["type"] == "text_delta") == "I do not know."
    assert events[-1]["usage"]["requests"] == 4


async def test_after_a_kill_everything_received_is_kept(desk: Desk) -> None:
    server = desk.server
    server.script(
        say("", call("delegate_research_task", task="What is my dog called?")),
        say("", call("list_nothing")),
        say(("Half of ", "an answer"), hold=1),
    )
    process = await asyncio.to_thread(
        subprocess.Popen, CHAT, env=environment(server), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await server.until_held(timeout=40)
    store = await asyncio.to_thread(StructuredMemoryStore)
    (record,) = await store.sessions.find()
    (child,) = await store.sessions.below(record.id)
    async with asyncio.timeout(10):
        # The first piece is on disk before it is told.
        while not await store.journal.streamed((await store.journal.turns(child.id))[0].id):
            await asyncio.sleep(0.02)
    process.kill()
    await asyncio.to_thread(process.wait)
    server.release()

    session = await desk.session(resume=record.id)
    assert any("delegate_research_task" in notice for notice in session.notices)
    (turn,) = await store.journal.turns(child.id)
    assert turn.outcome == "interrupted"
    rows = await store.journal.rows(child.id)
    assert [(row.role, row.outcome) for row in rows][-1] == ("assistant", "interrupted")
    assert rows[-1].content.strip() == "Half of"
    await store.close()


@pytest.mark.parametrize("forget", [True, False])
async def test_what_goes_takes_its_specialists_along(desk: Desk, forget: bool) -> None:
    desk.server.script(
        say("", call("delegate_research_task", task="Find the zebra.")), say("The zebra is blue."), say("Blue.")
    )
    session = await desk.session()
    async for _ in session.send("Which colour has it?"):
        pass
    store = session.runtime.store
    (child,) = await store.sessions.below(session.id)
    await desk.close(session)
    runtime = await desk.runtime()
    if forget:
        eraser = runtime.memory.eraser
        await runtime.memory.forget_planned(await eraser.plan([], session=session.id))
    else:
        await runtime.store.sessions.delete(session.id)
    assert await runtime.store.journal.rows(child.id) == []
    found = await runtime.store.database.rows("SELECT count(*) FROM journal WHERE content LIKE '%zebra%'")
    assert found[0][0] == 0
