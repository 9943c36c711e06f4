"""A kept conversation answered again: recorded results, no effects, and where the answers part."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from lra.agent.providers import build_model
from lra.errors import NotFoundError
from lra.session import Session
from lra.session.rerun import NOT_RECORDED, Rerun, parting, rerun
from tests.session.support import MODELS, Desk, add_tools, rows, take
from tests.support.model_server import call, fail, say

CALLED: list[str] = []


@pytest.fixture
async def session(desk: Desk) -> Session:
    """Two turns, the first with a tool that no program of today has."""

    def look(what: str) -> str:
        """Look at something."""
        CALLED.append(what)
        if what == "sun":
            raise RuntimeError("too bright")
        return f"{what} is fine"

    session = await desk.session()
    add_tools(session, look)
    await session.runtime.memory.remember("My favourite flower is the dahlia")
    desk.server.add(say("Let me look.", call("look", what="garden"), call("look", what="sun")), say("It is fine."))
    desk.server.add(say("", call("write_memory", content="The garden is fine", key="garden")), say("Noted."))
    await take(session, "How is the garden of my favourite flower?")
    await take(session, "Remember that.")
    CALLED.clear()
    return session


async def again(desk: Desk, session: Session, api: Any = "openai-chat", **options: Any) -> list[Rerun]:
    model = await asyncio.to_thread(build_model, MODELS[api], session.runtime.settings)
    return [each async for each in rerun(session.runtime, session.id, model, MODELS[api], **options)]


async def test_the_same_answers_are_the_same_and_nothing_happens(desk: Desk, session: Session) -> None:
    before = await rows(session), await session.runtime.memory.find()
    requests = len(desk.server.requests)
    desk.server.add(say("Let me look.", call("look", what="garden"), call("look", what="sun")), say("It  is\nfine."))
    desk.server.add(say("", call("write_memory", content="The garden is fine", key="garden")), say("Noted."))
    first, second = await again(desk, session)
    assert (first.same, second.same) == (True, True)
    assert first.usage.input_tokens > 0
    assert CALLED == []
    assert (await rows(session), await session.runtime.memory.find()) == before
    sent = desk.server.requests[requests:]
    # The model saw the results of then, the failure among them, what was recalled then, and the history before.
    results = [message.text for message in sent[1].messages if message.role == "tool"]
    assert results[0] == "garden is fine"
    assert "too bright" in results[1]
    assert "dahlia" in json.dumps(sent[0].body)
    assert [message.text for message in sent[2].messages if message.role == "user"][-1].startswith("Remember that.")
    assert "It is fine." in [message.text for message in sent[2].messages]


async def test_other_calls_get_no_result_and_run_nothing(desk: Desk, session: Session) -> None:
    desk.server.add(say("", call("look", what="moon"), call("create_task", title="Buy seeds")), say("I cannot tell."))
    (first,) = await again(desk, session, until=1)
    assert not first.same_calls
    assert [(each.name, each.recorded) for each in first.now.calls] == [("look", False), ("create_task", False)]
    assert [each.name for each in first.then.calls] == ["look", "look"]
    assert NOT_RECORDED in next(message.text for message in desk.server.last_messages() if message.role == "tool")
    assert CALLED == []
    assert await session.runtime.store.tasks.find() == []


async def test_from_a_turn_on_and_with_another_provider(desk: Desk, session: Session) -> None:
    desk.server.add(say("I noted it."))
    (second,) = await again(desk, session, "anthropic", since=2)
    assert (second.number, second.then.text, second.now.text) == (2, "Noted.", "I noted it.")
    assert "It is fine." in [message.text for message in desk.server.last_messages()]
    with pytest.raises(NotFoundError, match=r"has no turn 3\. The last is 2\."):
        await again(desk, session, since=3)


async def test_it_ends_where_the_model_fails(desk: Desk, session: Session) -> None:
    desk.server.add(fail("auth"))
    (first,) = await again(desk, session)
    assert first.now.error is not None
    assert first.exit_code != 0


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ("the cat sat here", "the cat ran away", ("the cat ", "sat here", "ran away")),
        ("the cat", "the cat sat", ("the cat", "", " sat")),
        ("the catalogue", "the cats", ("the ", "catalogue", "cats")),
        ("a", "b", ("", "a", "b")),
        ("", "b", ("", "", "b")),
    ],
)
def test_where_words_part(then: str, now: str, told: tuple[str, str, str]) -> None:
    before, first, second = parting(then, now)
    assert (before.strip(), first.strip(), second.strip()) == tuple(each.strip() for each in told)


async def test_on_the_command_line(desk: Desk, session: Session) -> None:
    session_id = session.id
    await desk.close(session)

    def lra(*args: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "lra", "sessions", "replay", session_id, *args]
        return subprocess.run(argv, env=dict(os.environ), capture_output=True, text=True, timeout=50, check=False)

    script = [
        say("Let me look.", call("look", what="garden")),
        say("It is green."),
        say("", call("write_memory", content="The garden is fine", key="garden")),
        say("Noted."),
    ]
    desk.server.add(*script)
    shown = await asyncio.to_thread(lra, "--model", MODELS["openai-chat"])
    assert shown.returncode == 0, shown.stderr
    assert "1. How is the garden of my favourite flower?" in shown.stdout
    assert "≠ then look(what='garden'), look(what='sun'); now look(what='garden')" in shown.stdout
    assert "then (openai-chat:gpt-4o-mini): fine." in shown.stdout
    assert "now (openai-chat:gpt-4o-mini): green." in shown.stdout
    assert "2. Remember that.\n   = the same, with write_memory(" in shown.stdout
    assert "1 of 2 answers of openai-chat:gpt-4o-mini are the same as then" in shown.stderr
    desk.server.add(say("Noted."))
    (turn,) = json.loads(
        (await asyncio.to_thread(lra, "-m", MODELS["openai-chat"], "--from-turn", "2", "--json")).stdout
    )
    assert (turn["turn"], turn["same"], turn["same_text"], turn["same_calls"]) == (2, False, True, False)
    plain = await asyncio.to_thread(lra, "--from-turn", "2")
    assert "> Remember that." in plain.stdout
    assert "> How is the garden" not in plain.stdout
    assert (await asyncio.to_thread(lra, "--json")).returncode == 2
