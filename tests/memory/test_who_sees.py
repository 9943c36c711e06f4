"""Who sees which memory: projects, agents, models that are elsewhere; and what must not come back as news."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lra.agent.locality import may_see_local_only
from lra.config import load_settings
from lra.memory import Memory
from lra.memory.loops import EchoRefusedError
from lra.memory.readers import Reader
from lra.store import Entry, StructuredMemoryStore
from lra.store.clock import now_us


async def opened(folder: Path, project: Path, agent: str = "lra") -> Memory:
    settings = replace(await asyncio.to_thread(load_settings), folder=project)
    return Memory(StructuredMemoryStore(f"sqlite+aiosqlite:///{folder / 'm.db'}"), settings=settings, agent=agent)


async def test_recall_takes_the_project_and_what_holds_everywhere(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    (here / ".git").mkdir(parents=True)
    (here / "deep").mkdir()
    there.mkdir()
    memory, other = await opened(tmp_path, here / "deep"), await opened(tmp_path, there)
    assert await memory.project() == f"project:{here}"
    await memory.remember("The deploy command everywhere is make deploy-world")
    await memory.remember("The deploy command here is make deploy-here", namespace=await memory.project())
    found = await memory.recall("what is the deploy command?")
    assert [hit.content.split()[-1] for hit in found] == ["deploy-here", "deploy-world"]
    assert [hit.content.split()[-1] for hit in await other.recall("what is the deploy command?")] == ["deploy-world"]
    asked = await other.search_for(Reader(), "deploy command")
    assert [hit.content.split()[-1] for hit in asked] == ["deploy-world"]
    # The person sees everything.
    assert len(await other.search("deploy command", scope="memories")) == 2
    for one in (memory, other):
        await one.close()
        await one.store.close()


async def test_a_pinned_instruction_of_the_project_comes_there_alone(tmp_path: Path) -> None:
    memory, other = await opened(tmp_path, tmp_path / "a"), await opened(tmp_path, tmp_path / "b")
    space = await memory.project()
    await memory.remember("Answer in German", kind="instruction", pin=True, namespace=space)
    assert [hit.content for hit in await memory.recall("hello there")] == ["Answer in German"]
    assert await other.recall("hello there") == []
    for one in (memory, other):
        await one.close()
        await one.store.close()


async def test_private_and_local_memories(tmp_path: Path) -> None:
    memory, other = await opened(tmp_path, tmp_path), await opened(tmp_path, tmp_path, agent="nurse")
    await memory.remember("The locker code of the nurse is green elephant", agent="nurse")
    await memory.remember("The locker code of the gym is red giraffe", local_only=True)
    question = "what is the locker code?"
    assert await memory.recall(question) == []
    assert [hit.content.split()[-1] for hit in await memory.recall(question, local=True)] == ["giraffe"]
    assert [hit.content.split()[-1] for hit in await other.recall(question)] == ["elephant"]
    assert len(await other.search_for(Reader(local=True), question)) == 2
    assert await memory.search_for(Reader(), question) == []
    assert len(await memory.search(question, scope="memories")) == 2
    # An embedder may be elsewhere as well.
    queued = await memory.store.queue.peek(10)
    assert len(queued) == 1
    for one in (memory, other):
        await one.close()
        await one.store.close()


@pytest.mark.parametrize(
    ("name", "environment", "local"),
    [
        ("offline", {}, True),
        ("openai:gpt-5", {}, False),
        ("openai:gpt-5", {"LRA_LOCAL_ONLY_PROVIDERS": "vllm, openai"}, True),
        ("openai-chat:gpt-5", {"LRA_LOCAL_ONLY_PROVIDERS": "openai"}, True),
        ("ollama:llama3", {"OLLAMA_BASE_URL": "http://localhost:11434"}, True),
        ("ollama:llama3", {"OLLAMA_BASE_URL": "http://[::1]:11434/v1"}, True),
        ("ollama:llama3", {"OLLAMA_BASE_URL": "http://10.0.0.7:11434"}, False),
        ("ollama:gpt-oss:120b-cloud", {"OLLAMA_BASE_URL": "http://localhost:11434"}, False),
    ],
)
def test_which_models_are_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, name: str, environment: dict[str, str], local: bool
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert may_see_local_only(name, load_settings()) is local


async def test_what_was_recalled_is_no_news(memory: Memory) -> None:
    first = (await memory.remember("The boiler stands in the cellar beside the door")).record
    await memory.store.ensure_session("s")
    recalled = await memory.recall("where does the boiler stand?", session_id="s")
    assert [hit.id for hit in recalled] == [first.id]
    told = {"source": "tool", "session_id": "s"}
    echo = await memory.remember("The boiler stands beside the door", **told)  # type: ignore[arg-type]
    assert (echo.echo, echo.record.id, echo.record.count) == (True, first.id, 1)
    assert len(await memory.find()) == 1
    # What the person says is theirs, whatever was recalled.
    await memory.store.journal.append("s", None, [Entry(role="user", content="Yes: the boiler stands beside the door")])
    kept = await memory.remember("The boiler stands beside the door", **told)  # type: ignore[arg-type]
    assert not kept.echo
    # In another session nothing was recalled.
    await memory.store.ensure_session("t")
    other = await memory.remember("The boiler stands in the cellar", source="tool", session_id="t")
    assert other.action == "created"


async def test_an_old_value_does_not_come_back_by_recall(memory: Memory) -> None:
    old = (await memory.remember("The gate code is green elephant", key="gate.code")).record
    await memory.store.ensure_session("s")
    await memory.search_for(Reader("s"), "gate code")
    new = (await memory.remember("The gate code is red giraffe", key="gate.code")).record
    echo = await memory.remember(old.content, key="gate.code", source="tool", session_id="s")
    assert echo.echo
    assert [record.id for record in await memory.find()] == [new.id]


async def test_an_earlier_answer_is_no_source(memory: Memory) -> None:
    await memory.store.ensure_session("old")
    line = Entry(role="assistant", content="Your boiler is probably from 1987, made by Vaillant")
    await memory.store.journal.append("old", None, [line])
    await memory.store.ensure_session("s")
    assert await memory.search_for(Reader("s"), "boiler made by Vaillant", until=now_us() + 1)
    with pytest.raises(EchoRefusedError):
        await memory.remember("boiler from 1987, made by Vaillant", source="tool", session_id="s")
    assert await memory.find() == []
