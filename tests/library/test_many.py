"""Fifty sessions in one process: none sees what is another's."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster
from pydantic_ai import FunctionToolset

from lra import Session, events
from lra.agent.custom import Definition
from lra.tools.deps import AgentDeps
from tests.session.support import MODELS, Desk, end, of, take
from tests.support.model_server import Usage, call, say

MANY = 50


def answer(body: dict[str, Any]) -> Any:
    """Do what the message says, in a session of its own; the tokens are its number."""
    told = [message for message in body["messages"] if message["role"] != "system"]
    # Recalled memories stand behind the message.
    text = next(str(message["content"]) for message in reversed(told) if message["role"] == "user").split("\n")[0]
    number = int(re.findall(r"\d+", text)[-1])
    usage = Usage(input_tokens=1000 + number, output_tokens=number + 1)
    if told[-1]["role"] == "tool":
        return say(f"{number} says {told[-1]['content']}", usage=usage)
    if text.startswith("remember"):
        return say(
            "",
            call("write_memory", content=f"Visitor{number} likes fruit{number}", key=f"visitor{number}.fruit"),
            usage=usage,
        )
    return say("", call("guarded", number=number), usage=usage)


@pytest.mark.timeout(240)
async def test_memory_usage_and_approvals(desk: Desk, no_blocking_calls: BlockBuster) -> None:
    # Looking at every call of a hundred turns takes longer than the turns, and each of them is looked at elsewhere.
    no_blocking_calls.deactivate()
    desk.server.script(default=answer)
    runtime = await desk.runtime()
    asked: dict[int, list[int]] = {number: [] for number in range(MANY)}

    def approver(mine: int) -> Any:
        async def approve(name: str, args: dict[str, Any], reason: str, **_: Any) -> Any:
            asked[mine].append(args["number"])
            await asyncio.sleep(0)
            # Every second one refuses.
            return mine % 2 == 0 or f"{mine} refuses."

        return approve

    def agent(mine: int) -> Definition:
        async def guarded(number: int) -> str:
            """Do something that is asked about.

            Args:
                number: Whose.
            """
            return f"{number} done by {mine}"

        toolset: FunctionToolset[AgentDeps] = FunctionToolset(
            [guarded], metadata={"consent": "ask", "why": "It is asked about.", "source": "agent"}
        )
        return Definition(name=f"agent{mine}", toolsets=(toolset,))

    sessions = await asyncio.gather(
        *(
            Session.open(runtime, model=MODELS["openai-chat"], approver=approver(n), agent=agent(n), origin="library")
            for n in range(MANY)
        )
    )

    async def talk(number: int, session: Session) -> None:
        told = await take(session, f"remember {number}")
        (written,) = of(told, events.MemoryWritten)
        assert written.content == f"Visitor{number} likes fruit{number}"
        assert end(told).remembered == [written.id]
        assert {event.session_id for event in told} == {session.id}
        done = await take(session, f"guarded {number}")
        (result,) = of(done, events.ToolFinished)
        if number % 2 == 0:
            assert result.content == f"{number} done by {number}"
        else:
            assert f"{number} refuses." in result.content
        # Each request of this session says its own number of tokens, and no other.
        assert end(done).usage.input_tokens == 2 * (1000 + number)
        assert end(done).usage.output_tokens == 2 * (number + 1)

    await asyncio.gather(*(talk(number, session) for number, session in enumerate(sessions)))
    assert asked == {number: [number] for number in range(MANY)}
    for number, session in enumerate(sessions):
        rows = await runtime.store.journal.rows(session.id)
        assert {int(row.content.split()[-1]) for row in rows if row.role == "user"} == {number}
        usage = await session.usage()
        assert usage.input_tokens == 4 * (1000 + number)
    await asyncio.gather(*(session.close(summarize=False) for session in sessions))


async def test_sandboxes(sandboxes: Path, desk: Desk) -> None:
    runtime = await desk.runtime()
    sessions = [await Session.open(runtime, model="offline", use_memory=False, origin="library") for _ in range(MANY)]

    async def talk(number: int, session: Session) -> str:
        await take(session, f"run: `x = {number}; open('mine.txt', 'w').write(str(x))`")
        seen = await take(session, "run: `x, open('mine.txt').read(), __import__('os').listdir('.')`")
        return of(seen, events.ToolFinished)[0].content

    results = await asyncio.gather(*(talk(number, session) for number, session in enumerate(sessions)))
    for number, result in enumerate(results):
        assert f"({number}, '{number}', ['mine.txt'])" in result
    await asyncio.gather(*(session.close(summarize=False) for session in sessions))
