"""The library: `run_agent`, `create_agent` and `Session` in somebody else's program."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lra import AgentDeps, Session, StructuredMemoryStore, create_agent, run_agent
from lra.errors import BudgetError, ConfigError, ExitCode, LraError
from lra.events import Event
from tests.session.support import MODELS, ROOT, Desk, end, every_api, take
from tests.session.support import words as sent
from tests.support.fixtures import Api, env_for
from tests.support.model_server import ModelServer, call, fail, say

TWO_LOOPS = """
import asyncio
from lra import AgentDeps, StructuredMemoryStore, run_agent

store = StructuredMemoryStore()

async def main(prompt):
    deps = AgentDeps(session_id="mine", structured_store=store)
    answer, messages = await run_agent(prompt, deps, model="openai-chat:gpt-4o-mini")
    print(answer, len(messages))

asyncio.run(main("first"))
asyncio.run(main("second"))
print([line["content"] for line in asyncio.run(store.get_conversations("mine"))])
"""


@pytest.fixture
async def store() -> StructuredMemoryStore:
    """A store built as a library user builds it."""
    return await asyncio.to_thread(StructuredMemoryStore)


@every_api
async def test_run_agent_answers_and_keeps_the_turn(desk: Desk, store: StructuredMemoryStore, api: Api) -> None:
    desk.server.script(say("Noted.", call("create_task", title="x")), say("Done."), say("It is x."))
    events: list[Event] = []
    deps = AgentDeps(session_id="mine", structured_store=store, emit=events.append)
    answer, messages = await run_agent("Note x.", deps, model=MODELS[api])
    assert (answer, len(messages)) == ("Done.", 4)
    assert events[-1].type == "turn_finished"
    assert [task.title for task in await store.get_tasks("mine")] == ["x"]

    answer, messages = await run_agent(
        "What was it?", AgentDeps(session_id="mine", structured_store=store), model=MODELS[api]
    )
    assert (answer, len(messages)) == ("It is x.", 6)
    assert sent(desk.server)[0] == ("user", "Note x.")
    assert [line["content"] for line in await store.get_conversations("mine")] == [
        "Note x.",
        "Noted.",
        "Done.",
        "What was it?",
        "It is x.",
    ]
    await store.close()


async def test_run_agent_with_a_history_of_the_callers(desk: Desk, store: StructuredMemoryStore) -> None:
    desk.server.script(say("Hello."), say("You said hi."))
    _, messages = await run_agent("hi", AgentDeps(session_id="one", structured_store=store), model=MODELS["anthropic"])
    deps = AgentDeps(session_id="two", structured_store=store)
    await run_agent("What did I say?", deps, message_history=messages, model=MODELS["anthropic"])
    assert sent(desk.server) == [("user", "hi"), ("assistant", "Hello."), ("user", "What did I say?")]
    assert [line["content"] for line in await store.get_conversations("two")] == ["What did I say?", "You said hi."]
    await store.close()


async def test_what_goes_wrong_is_raised_with_its_exit_code(
    desk: Desk, store: StructuredMemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    deps = AgentDeps(session_id="mine", structured_store=store)
    desk.server.script(fail("auth"))
    with pytest.raises(LraError, match="refused the key") as caught:
        await run_agent("hi", deps, model=MODELS["openai-chat"])
    assert caught.value.exit_code is ExitCode.CONFIG
    with pytest.raises(ConfigError):
        await run_agent("hi", deps, model="nobody")
    monkeypatch.setenv("LRA_MAX_REQUESTS", "1")
    desk.server.script(say("", call("list_tasks")))
    with pytest.raises(BudgetError):
        await run_agent("hi", deps, model=MODELS["openai-chat"])
    await store.close()


async def test_create_agent_is_a_plain_agent_with_our_tools(desk: Desk, store: StructuredMemoryStore) -> None:
    desk.server.script(say("", call("write_memory", content="The dog is called Rex")), say("Noted."))
    agent = await asyncio.to_thread(create_agent, MODELS["openai-chat"])
    result = await agent.run("My dog is Rex.", deps=AgentDeps(session_id="mine", structured_store=store))
    assert result.output == "Noted."
    assert [record.content for record in await store.memories.find()] == ["The dog is called Rex"]
    await store.close()


async def test_a_session_without_a_runtime_opens_its_own(desk: Desk) -> None:
    desk.server.script(say("Hello."), say("Again."))
    async with await Session.open(model=MODELS["openai-chat"]) as session:
        assert end(await take(session, "hi")).output == "Hello."
    async with await Session.open(model=MODELS["openai-chat"], resume=session.id) as again:
        assert end(await take(again, "hi again")).output == "Again."


def test_two_event_loops_and_no_close() -> None:
    with ModelServer([say("One."), say("Two.")]) as server:
        done = subprocess.run(
            [sys.executable, "-c", TWO_LOOPS],
            env={**os.environ, **env_for(server), "PYTHONPATH": str(ROOT)},
            cwd=Path.cwd(),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["One. 2", "Two. 4", "['first', 'One.', 'second', 'Two.']"]
        assert "Traceback" not in done.stderr
        server.verify()


def test_the_front_door_loads_nothing_heavy() -> None:
    code = "import sys, lra; print(sorted({'pydantic_ai', 'sqlalchemy', 'chromadb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
