"""A managed agent on this machine: answers, sessions, ids, usage."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from lra import Agent, SyncSession
from lra.errors import BudgetError, BusyError, ConfigError, InterruptedTurnError, LraError, NotFoundError, UsageError
from lra.events import TurnFinished
from lra.managed import Host, LocalManagedConfig, ManagedAgent, ManagedConfig
from tests.managed.conftest import Make
from tests.support.model_server import ModelServer, Usage, fail, say

NOTHING = {"id": "", "status": "unknown", "title": "", "usage": {"input_tokens": 0, "output_tokens": 0}}


def mini(**fields: object) -> ManagedConfig:
    return ManagedConfig(model="gpt-4o-mini", tools=[], **fields)  # type: ignore[arg-type]


def test_it_answers_and_prints_what_it_streams(
    managed: Make, model_server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    model_server.script(say("Paris, of course."), say("On the Seine."))
    agent = Agent(name="local-assistant", backend=managed(provider="local", config=mini()))
    assert agent.start("What is the capital of France?", stream=True) == "Paris, of course."
    assert capsys.readouterr().out == "Paris, of course.\n"
    assert agent.run("Where is it?") == "On the Seine."
    assert capsys.readouterr().out == ""
    assert [line["role"] for line in agent.chat_history] == ["user", "assistant", "user", "assistant"]
    assert model_server.requests[-1].body["model"] == "gpt-4o-mini"


def test_turns_are_one_conversation_and_the_system_prompt_is_its_own(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("A slope."), say("2x."), say("3x²."))
    config = mini(system="You are a math tutor.", name="MathTutor")
    agent = Agent(name="tutor", backend=managed(config=config))
    for question in ("What is a derivative?", "And of x²?", "What about x³?"):
        agent.start(question, stream=True)
    last = model_server.last_messages()
    assert [message.text for message in last] == [
        "You are a math tutor.",
        "What is a derivative?",
        "A slope.",
        "And of x²?",
        "2x.",
        "What about x³?",
    ]


def test_claude_by_its_name_alone(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("Hello."))
    agent = Agent(name="teacher", backend=managed(config=ManagedConfig(model="claude-sonnet-4-6", tools=[])))
    assert agent.start("Hi") == "Hello."
    assert model_server.requests[-1].body["model"] == "claude-sonnet-4-6"


def test_what_is_told_of_a_session_is_always_whole(managed: Make, model_server: ModelServer) -> None:
    backend = managed(config=mini(session_title="Colours"))
    assert backend.retrieve_session() == NOTHING
    model_server.script(say("I see.", usage=Usage(30, 4)), say("Blue.", usage=Usage(50, 6)))
    agent = Agent(name="tracker", backend=backend)
    agent.start("My favorite color is blue")
    agent.start("Which one?")
    usage = {"input_tokens": 80, "output_tokens": 10}
    told = backend.retrieve_session()
    assert told == {"id": backend.session_id, "status": "idle", "title": "Colours", "usage": usage}
    assert (backend.total_input_tokens, backend.total_output_tokens) == (80, 10)
    assert [each["id"] for each in backend.list_sessions()] == [backend.session_id]


def test_a_session_goes_on_elsewhere(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("Noted.", usage=Usage(10, 2)), say("Blue.", usage=Usage(20, 3)), say("Still blue."))
    first = managed(provider="local", config=mini(name="PersistentAgent"))
    Agent(name="persistent", backend=first).start("Remember: my favorite color is blue")
    ids = first.save_ids()
    assert ids["session_id"] == first.retrieve_session()["id"]

    second = managed(provider="local", config=mini())
    second.restore_ids(ids)
    second.resume_session(ids["session_id"])
    assert (second.total_input_tokens, second.total_output_tokens) == (10, 2)
    assert Agent(name="resumed", backend=second).start("What is my favorite color?") == "Blue."
    assert "my favorite color is blue" in model_server.last_messages()[1].text
    assert second.retrieve_session()["usage"] == {"input_tokens": 30, "output_tokens": 5}
    assert second.save_ids() == ids

    # The ids alone are enough, and the first sees what the second has said.
    third = managed(config=mini())
    third.restore_ids(ids)
    third_agent = Agent(name="again", backend=third)
    third_agent.start("Really?")
    assert len(model_server.last_messages()) == 6
    assert first.retrieve_session()["usage"]["input_tokens"] >= 30


OTHER_PROCESS = """
import json, sys
from lra import Agent, SyncSession
from lra.managed import ManagedAgent, ManagedConfig
managed = ManagedAgent(provider="local", config=ManagedConfig(model="offline"))
if len(sys.argv) > 1:
    ids = json.loads(sys.argv[1])
    managed.restore_ids(ids)
    managed.resume_session(ids["session_id"])
    print(Agent(name="resumed", backend=managed).start("What is my favorite color?"))
else:
    Agent(name="persistent", backend=managed).start("Remember: my favorite color is blue")
    print(json.dumps(managed.save_ids()))
"""


def test_another_process_without_a_model_knows_it_too() -> None:
    run = [sys.executable, "-c", OTHER_PROCESS]
    ids = subprocess.run(run, capture_output=True, text=True, check=True)
    again = subprocess.run([*run, ids.stdout.strip()], capture_output=True, text=True, check=True)
    assert "My favorite color is blue" in again.stdout
    # Nothing was closed, and nothing is said about it.
    assert (ids.stderr, again.stderr) == ("", "")


def test_ids_that_cannot_be_used(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("One."), say("Two."))
    one, two = managed(config=mini()), managed(config=mini())
    Agent(backend=one).start("one")
    Agent(backend=two).start("two")
    mine, other = one.save_ids(), two.save_ids()
    with pytest.raises(UsageError, match=r"is of the agent agent_\w+, not of agent_\w+\."):
        one.resume_session(other["session_id"])
    with pytest.raises(UsageError, match="not of"):
        managed(config=mini()).restore_ids({**mine, "session_id": other["session_id"]})
    with pytest.raises(NotFoundError, match="There is no session 'nowhere'"):
        one.resume_session("nowhere")
    with pytest.raises(NotFoundError, match="There is no version 1 of the managed agent 'agent_x'"):
        one.restore_ids({**mine, "agent_id": "agent_x"})
    with pytest.raises(NotFoundError, match="no environment 'env_x'"):
        one.restore_ids({**mine, "environment_id": "env_x"})
    with pytest.raises(UsageError, match="is no session's id"):
        one.resume_session(None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="These are no ids"):
        one.restore_ids({"session": mine["session_id"]})
    assert one.save_ids() == mine


async def test_a_chat_is_no_managed_session(managed: Make) -> None:
    from lra import Session

    async with await Session.open(model="offline") as chat:
        async for _ in chat.send("hello"):
            pass
        with pytest.raises(NotFoundError, match="is not of a managed agent") as raised:
            await asyncio.to_thread(managed().resume_session, chat.id)
    assert raised.value.hint == f"`lra chat -r {chat.id}` goes on with it."


def test_a_new_session_and_a_new_agent(managed: Make, model_server: ModelServer) -> None:
    model_server.script(*(say(str(number), usage=Usage(10, 1)) for number in range(4)))
    backend = managed(config=mini())
    agent = Agent(backend=backend)
    agent.start("a")
    before = backend.save_ids()
    backend.reset_session()
    assert backend.retrieve_session() == NOTHING
    agent.start("b")
    assert [message.role for message in model_server.last_messages()] == ["system", "user"]
    assert backend.agent_id == before["agent_id"]
    assert backend.session_id != before["session_id"]
    assert backend.total_input_tokens == 20
    assert len(backend.list_sessions()) == 2
    assert len(backend.list_sessions(limit=1)) == 1
    backend.resume_session(before["session_id"])
    agent.start("c")
    assert [message.text for message in model_server.last_messages()][1:] == ["a", "0", "c"]
    backend.reset_all()
    assert set(backend.save_ids().values()) == {None}
    assert backend.total_input_tokens == 0
    agent.start("d")
    assert backend.agent_id != before["agent_id"]


def test_a_changed_agent_keeps_its_session(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("Noted."), say("Azul."))
    backend = managed(config=LocalManagedConfig(model="gpt-4o-mini", tools=[]))
    agent = Agent(backend=backend)
    agent.start("My favorite color is blue")
    backend.update_agent(system="You speak Spanish.")
    agent.start("favorite color?")
    texts = [message.text for message in model_server.last_messages()]
    assert texts == ["You speak Spanish.", "My favorite color is blue", "Noted.", "favorite color?"]
    assert backend.agent_version == 2
    with pytest.raises(UsageError, match=r"no field 'sistem'. Is 'system' meant\?"):
        backend.update_agent(sistem="x")


def test_failures_are_raised(managed: Make, model_server: ModelServer) -> None:
    model_server.script(fail("auth"), say("Better."))
    backend = managed(config=mini())
    agent = Agent(backend=backend)
    with pytest.raises(LraError) as raised:
        agent.start("hello")
    assert raised.value.exit_code
    assert agent.start("hello") == "Better."
    assert backend.retrieve_session()["status"] == "idle"
    with pytest.raises(UsageError, match="The message is empty"):
        agent.start("  ")
    with pytest.raises(UsageError, match="A message is a text, not 7"):
        agent.start(7)  # type: ignore[arg-type]
    model_server.complaints.clear()


def test_a_model_that_cannot_be_had(managed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    with pytest.raises(ConfigError, match="'openai:gpt-4o' needs a key"):
        Agent(backend=managed(config=LocalManagedConfig())).start("hello")
    with pytest.raises(ConfigError, match="'nobody' is no model name"):
        Agent(backend=managed(config=LocalManagedConfig(model="nobody"))).start("hello")


def test_another_address_and_key(managed: Make, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    model_server.script(say("Here."))
    backend = managed(config=mini(), api_base=f"{model_server.url}/v1", api_key="mine")
    assert Agent(backend=backend).start("where?") == "Here."
    assert model_server.requests[-1].headers["authorization"] == "Bearer mine"
    with pytest.raises(UsageError, match="api_base goes with a model of a provider"):
        Agent(backend=managed(config=ManagedConfig(model="offline"), api_base="http://x")).start("hello")


def test_stopping_and_running_out_of_time(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("One two three", hold=1), say("Four", hold=1), say("Five."))
    backend = managed(config=mini())
    agent = Agent(backend=backend)
    seen: list[str] = []

    def stop() -> None:
        model_server.wait_held()
        seen.append(backend.retrieve_session()["status"])
        backend.interrupt()

    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(InterruptedTurnError):
        agent.start("count")
    thread.join()
    assert seen == ["running"]
    hasty = managed(config=mini(), timeout=0.3)
    with pytest.raises(BudgetError, match=r"longer than 0\.3 s"):
        Agent(backend=hasty).start("count")
    model_server.release()
    assert agent.start("go on") == "Five."
    model_server.complaints.clear()


async def test_it_works_where_a_loop_runs(
    managed: Make, model_server: ModelServer, no_blocking_calls: BlockBuster
) -> None:
    model_server.script(say("Async."), say("Piece by piece."), say("Sync."), say("Ev."))
    backend = managed(config=mini())
    agent = Agent(backend=backend)
    assert await agent.astart("a") == "Async."
    pieces = [piece async for piece in agent.astream("b")]
    assert len(pieces) > 1
    assert "".join(pieces) == "Piece by piece."
    no_blocking_calls.deactivate()
    assert agent.start("c") == "Sync."
    events = [event async for event in backend.events("d")]
    assert isinstance(events[-1], TurnFinished)
    assert events[-1].output == "Ev."


async def test_leaving_a_stream_ends_the_turn(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("One two three four", hold=2), say("Then."))
    backend = managed(config=mini())
    stream = backend.stream("count")
    assert await anext(stream)
    await stream.aclose()
    model_server.release()
    assert await backend.execute("and then?") == "Then."


async def test_a_turn_that_is_cancelled_is_over(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("One two three four", hold=2), say("Then."))
    backend = managed(config=mini())
    running = asyncio.create_task(Agent(backend=backend).astart("count"))
    await model_server.until_held()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await backend.execute("and then?") == "Then."


async def test_turns_of_one_session_wait_for_each_other(managed: Make, model_server: ModelServer) -> None:
    model_server.script(*(say(f"answer {number}") for number in range(8)))
    backend = managed(config=mini())
    await asyncio.gather(*(backend.execute(f"question {number}") for number in range(8)))
    model_server.script(say("end"))
    await backend.execute("last")
    roles = [message.role for message in model_server.last_messages()]
    assert roles == ["system", *["user", "assistant"] * 8, "user"]


async def test_many_agents_on_one_host(model_server: ModelServer, no_blocking_calls: BlockBuster) -> None:
    before = set(threading.enumerate())
    with Host() as host:
        agents = [ManagedAgent(config=ManagedConfig(model="offline", tools=[]), host=host) for _ in range(20)]
        await asyncio.gather(*(agent.execute(f"Remember: my number is {at}") for at, agent in enumerate(agents)))
        answers = await asyncio.gather(*(agent.execute("What is my number?") for agent in agents))
        assert all(f'number is {at}"' in answer for at, answer in enumerate(answers))
        assert len({agent.session_id for agent in agents}) == 20
        fresh = set(threading.enumerate()) - before
        assert len([thread for thread in fresh if thread.name == "lra-sync"]) == 1
        # Closing waits.
        no_blocking_calls.deactivate()


def test_whoever_is_let_go_leaves_no_thread() -> None:
    def use() -> None:
        Agent(backend=ManagedAgent(config=ManagedConfig(model="offline", tools=[]))).start("hello")

    before = set(threading.enumerate())
    use()
    gc.collect()
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "lra-sync"]


def test_nothing_secret_is_written_down(managed: Make, model_server: ModelServer, home: Path) -> None:
    model_server.script(say("Fine."))
    config = LocalManagedConfig(model="gpt-4o-mini", env={"TOKEN": "s3cr3t-value"}, tools=[])
    backend = managed(config=config, api_key="k3y-of-mine")
    Agent(backend=backend).start("hello")
    path = home / "lra" / "agent_memory.db"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    assert b"s3cr3t-value" not in path.read_bytes()
    assert b"k3y-of-mine" not in path.read_bytes()


async def test_two_in_one_session_take_turns(
    managed: Make, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_server.script(say("One."), say("Two three", hold=1), say("Four."))
    first, second = managed(config=mini()), managed(config=mini())
    await first.execute("a")
    await asyncio.to_thread(second.restore_ids, first.save_ids())
    running = asyncio.create_task(first.execute("b"))
    await model_server.until_held()
    monkeypatch.setattr("lra.managed.worker._PATIENCE", 0.2)
    with pytest.raises(BusyError, match="is in use by another program, or another part of this one"):
        await second.execute("c")
    monkeypatch.setattr("lra.managed.worker._PATIENCE", 20.0)
    waiting = asyncio.create_task(second.execute("d"))
    model_server.release()
    assert await running == "Two three"
    assert await waiting == "Four."
    texts = [message.text for message in model_server.last_messages()][1:]
    assert texts == ["a", "One.", "b", "Two three", "d"]


def test_a_chat_does_not_go_on_with_it(managed: Make, model_server: ModelServer) -> None:
    model_server.script(say("Hello."))
    backend = managed(config=mini(name="lra"))
    agent = Agent(backend=backend)
    agent.start("hello")
    with SyncSession(model="offline", continue_latest=True) as session:
        assert session.id != backend.session_id
    with pytest.raises(UsageError, match="A turn has no option 'temperature'"):
        agent.start("hello", temperature=0)
