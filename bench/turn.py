"""What a turn of a session costs beside a bare run of Pydantic AI with the same tools, history and provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.measure import Times, gap, in_turn
from bench.options import Options
from bench.phases import Phases
from bench.records import SEARCHES_VECTORS, memory_over, settings_for
from bench.table import Row
from tests.support.model_server import ModelServerProcess, say

MODEL = "openai-chat:gpt-4o-mini"
GREETING = "Good morning, it is me again."
ANSWER = "That is noted; tell me when something about it changes."
LEXICAL_GOAL = 10.0
VECTOR_GOAL = 15.0
GROWTH_GOAL = 15.0
TURNS = 8
"""Turns of one conversation."""


async def run(options: Options) -> list[Row]:
    """Measure at every size, by words alone and with vectors."""
    sizes = options.sizes_or((0, 1_000, 10_000, 100_000), (0, 10_000))
    rounds = options.rounds(30, 12)
    kinds: list[tuple[str, Any, float]] = [("lexical", None, LEXICAL_GOAL)]
    if SEARCHES_VECTORS:
        kinds.append(("vectors", options.records.embedder, VECTOR_GOAL))
        if options.model_dir is not None:
            from lra.memory.embedding.onnx import OnnxEmbedder

            kinds.append(("model", OnnxEmbedder(options.model_dir), VECTOR_GOAL))
    rows: list[Row] = []
    with ModelServerProcess(default=say(ANSWER)) as server, provider(server.url):
        for kind, embedder, goal in kinds:
            overheads: dict[int, float] = {}
            for size in sizes:
                database = await options.records.copy(size, f"turn-{kind}-{size}")
                questions = options.records.questions(size, rounds + 12)
                ours, bare, phases = await _compare(database, embedder, questions, rounds)
                name = f"turn {kind} {size:>6}"
                rows.append(
                    Row(
                        name=name,
                        ours=ours.median,
                        reference=bare.median,
                        compare="difference",
                        difference=gap(ours.values, bare.values),
                        goal=goal if size == 0 else goal + GROWTH_GOAL,
                    )
                )
                rows.append(
                    Row(
                        name="  processor",
                        ours=ours.median_cpu,
                        reference=bare.median_cpu,
                        compare="difference",
                        difference=gap(ours.cpu, bare.cpu),
                    )
                )
                rows += [Row(name=f"  {label}", ours=taken, compare="info") for label, taken in phases.items()]
                overheads[size] = gap(ours.values, bare.values)
            if len(sizes) > 1:
                first, last = sizes[0], sizes[-1]
                rows.append(
                    Row(
                        name=f"turn {kind} growth {first} to {last}",
                        ours=overheads[last],
                        reference=overheads[first],
                        compare="difference",
                        goal=GROWTH_GOAL,
                    )
                )
    if not SEARCHES_VECTORS:
        rows.append(Row(name="turn vectors", ours=None, note="not there yet"))
    return rows


@contextmanager
def provider(url: str) -> Iterator[None]:
    """Point the provider's SDK at the server, as a person would by the environment."""
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("OPENAI_API_KEY", "bench")
        patch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        yield


async def _compare(
    database: Path, embedder: Any, questions: list[str], rounds: int
) -> tuple[Times, Times, dict[str, float]]:
    from pydantic_ai import Agent

    from lra.agent.build import TOOL_RETRIES, default_instructions
    from lra.agent.providers import build_model
    from lra.runtime import Runtime
    from lra.session import Session
    from lra.session.context import SessionContext
    from lra.session.recorder import Recorder
    from lra.store import StructuredMemoryStore
    from lra.tools.deps import AgentDeps

    settings = settings_for(database)
    store = StructuredMemoryStore(settings.database_url)
    await store.init_db()
    memory = memory_over(store, settings, embedder)
    runtime = Runtime(settings, store, memory)
    # A large record's vector files are made once in its life, not in these turns.
    await memory.warm()
    session = await Session.open(runtime, model=MODEL, origin="library")
    agent = Agent(
        build_model(MODEL, settings),
        deps_type=AgentDeps,
        instructions=default_instructions(),
        toolsets=session.toolsets,
        retries=TOOL_RETRIES,
    )
    deps = AgentDeps(session_id=session.id, structured_store=store, memory=memory)
    history: list[Any] = []
    phases = Phases()
    warmup = len(questions) - rounds

    async def renew(number: int) -> None:
        nonlocal session
        # Short conversations: what a long history costs in the provider's SDK would drown the difference.
        if number % TURNS == 0:
            await session.close(summarize=False)
            session = await Session.open(runtime, model=MODEL, origin="library")
            history.clear()
            # The first turn of a conversation does more, once.
            await take(GREETING)
            await take_bare(GREETING)
            phases.next(count=False)

    async def take(text: str) -> None:
        last: Any = None
        async for event in session.send(text):
            last = event
        assert last.outcome == "completed", last.error

    async def ours(number: int) -> None:
        await take(questions[number])
        phases.next(count=number >= warmup)

    async def bare(number: int) -> None:
        await take_bare(questions[number])

    async def take_bare(text: str) -> None:
        async with agent.run_stream_events(text, message_history=history, deps=deps) as stream:
            async for _ in stream:
                pass
        result = stream.result
        assert result is not None
        history[:] = result.all_messages()

    watched = (
        ("begin_turn", store.journal, "begin_turn"),
        ("recall", memory, "recall"),
        ("history", SessionContext, "messages"),
        ("stream", Recorder, "stream"),
        ("journal", Recorder, "after_model_request"),
        ("finish", store.journal, "finish_turn"),
    )
    try:
        with phases.watch(*watched):
            times = await in_turn(ours, bare, rounds=rounds, warmup=warmup, before=renew)
    finally:
        await session.close(summarize=False)
        await memory.close()
        await store.close()
    return *times, phases.medians()
