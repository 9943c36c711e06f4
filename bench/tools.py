"""Written tools: a call against a plain cell in the same kind of sandbox, a decision, and the list of five hundred."""

from __future__ import annotations

import os
import tempfile
import time

from bench.measure import gap, in_turn, quantile
from bench.options import Options
from bench.records import settings_for
from bench.table import Row
from lra.policy import Policy, parse
from lra.session.tool_list import list_tools
from lra.store import StructuredMemoryStore
from lra.store.tools import NewTool
from lra.tools.generated.boxes import ToolBoxes
from lra.tools.generated.grants import Grants
from sandbox.client import Client, SandboxError, connect

CALL_GOAL = 2.0
"""Milliseconds more than the cell: arguments and result as JSON."""
DECISION_GOAL = 0.2
"""Milliseconds for one call under a hundred rules."""
LIST_GOAL = 60.0
TOOLS = 500
SOURCE = 'def total(numbers: list[int]) -> int:\n    """Add numbers."""\n    return sum(numbers)\n'


async def run(options: Options) -> list[Row]:
    """Measure what can be measured here."""
    with tempfile.TemporaryDirectory(prefix="lrab") as folder:
        os.environ["LRA_SANDBOX_RUN"] = folder
        try:
            rows = await _call(options)
        finally:
            del os.environ["LRA_SANDBOX_RUN"]
    return [*rows, _decision(), await _list(options)]


async def _call(options: Options) -> list[Row]:
    client = await connect()

    async def ready() -> Client:
        return client

    boxes = ToolBoxes(ready, "bench")
    try:
        box = await client.create(**Grants().options())
        args = {"numbers": list(range(100))}

        async def tool(_: int) -> None:
            outcome = await boxes.call("total", SOURCE, Grants(), args)
            assert outcome.value == 4950, outcome

        async def cell(_: int) -> None:
            async for event in client.execute(box["id"], f"sum({args['numbers']})", timeout=30.0):
                assert event.get("status", "ok") == "ok", event

        ours, plain = await in_turn(tool, cell, rounds=options.rounds(200, 40), warmup=5)
    except SandboxError as error:
        return [Row(name="written tool", ours=None, note=f"not here: {error.message}")]
    finally:
        await boxes.close()
        await client.close()
    return [
        Row(
            name="call of a written tool",
            ours=ours.median,
            reference=plain.median,
            compare="difference",
            difference=gap(ours.values, plain.values),
            goal=CALL_GOAL,
        )
    ]


def _decision() -> Row:
    policy = Policy()
    text = "\n".join(f'[[rule]]\nallow = "tool_{n}"\nwhen = {{ host = "h{n}.example" }}\n' for n in range(100))
    policy.set_files(parse(text, "user", "rules.toml")[0])
    taken = []
    for _ in range(2000):
        started = time.perf_counter()
        policy.decide("search_memory", {"query": "the name of the dog"})
        taken.append((time.perf_counter() - started) * 1000)
    return Row(name="decision under 100 rules", ours=quantile(taken, 0.5), goal=DECISION_GOAL)


async def _list(options: Options) -> Row:
    settings = settings_for(options.folder / "tools.db")
    store = StructuredMemoryStore(settings.database_url)
    schema = {"type": "object", "properties": {"numbers": {"type": "array"}}, "required": ["numbers"]}
    for number in range(TOOLS):
        await store.tools.save(NewTool(name=f"tool_{number}", source=SOURCE, parameters=schema), author="person")
    taken = []
    for _ in range(options.rounds(15, 5)):
        started = time.process_time()
        found = await list_tools(store, settings)
        taken.append((time.process_time() - started) * 1000)
        assert sum(tool.source == "generated" for tool in found) == TOOLS
    await store.close()
    return Row(name=f"list of {TOOLS} written tools, processor", ours=quantile(taken, 0.5), goal=LIST_GOAL)
