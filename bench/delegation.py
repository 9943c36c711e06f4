"""What a specialist costs beside a tool that runs a bare nested agent: same session, model, task and answer."""

from __future__ import annotations

from typing import Any

from pydantic_ai import Agent, RunContext

from bench.measure import gap, in_turn
from bench.options import Options
from bench.records import settings_for
from bench.table import Row
from bench.turn import MODEL, provider
from lra.agent.custom import Definition
from lra.agent.providers import build_model
from lra.agent.specialists import Specialist
from lra.runtime import Runtime
from lra.session import Session
from lra.tools.deps import AgentDeps
from tests.support.model_server import ModelServer, Step, call, say

GOAL = 25.0
"""Milliseconds more than the nested run: three commits that outlive a crash, and the events."""
TASK = "Say what the capital of France is."
TOLD = "You know capitals."
TURNS = 8


def _answer(body: dict[str, Any]) -> Step:
    messages = body["messages"]
    if any(message["role"] == "system" and message["content"] == TOLD for message in messages):
        return say("Paris.")
    if messages[-1]["role"] == "tool":
        return say("It is Paris.")
    # The last word of the message says which of the two is measured.
    name = str(messages[-1]["content"]).split()[-1]
    return say("", call(name, task=TASK))


async def run(options: Options) -> list[Row]:
    """Measure turns that hand a task on, in both ways."""
    rounds = options.rounds(30, 8)
    with ModelServer(default=_answer) as server, provider(server.url):
        settings = settings_for(options.folder / "delegation.db")
        runtime = await Runtime.open(settings)
        inner = Agent(build_model(MODEL, settings), instructions=TOLD)

        async def nested(ctx: RunContext[AgentDeps], task: str) -> str:
            """Hand a task on.

            Args:
                task: What is to be done.
            """
            return str((await inner.run(task, usage=ctx.usage)).output)

        agent = Definition(
            name="bench",
            tools=(nested,),
            specialists=(Specialist(name="bench", description="For tasks.", instructions=TOLD, tools=()),),
        )
        session = await Session.open(runtime, model=MODEL, agent=agent, origin="library", use_memory=False)

        async def renew(number: int) -> None:
            nonlocal session
            # Short conversations: a long history would cost more than what is measured.
            if number % TURNS == 0:
                await session.close(summarize=False)
                session = await Session.open(runtime, model=MODEL, agent=agent, origin="library", use_memory=False)

        async def take(name: str) -> None:
            last: Any = None
            async for event in session.send(f"The capital of France, by {name}"):
                last = event
            assert last.outcome == "completed", last.error

        ours, bare = await in_turn(
            lambda _: take("delegate_bench_task"), lambda _: take("nested"), rounds=rounds, warmup=4, before=renew
        )
        await session.close(summarize=False)
        await runtime.close()
    return [
        Row(
            name="turn with a specialist",
            ours=ours.median,
            reference=bare.median,
            compare="difference",
            difference=gap(ours.values, bare.values),
            goal=GOAL,
        ),
        Row(
            name="  processor",
            ours=ours.median_cpu,
            reference=bare.median_cpu,
            compare="difference",
            difference=gap(ours.cpu, bare.cpu),
        ),
    ]
