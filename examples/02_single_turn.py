"""Ask one thing, print the answer.

Run: python -m lra.examples.02_single_turn "What can you do?"
"""

from __future__ import annotations

import asyncio
import sys

from lra import AgentDeps, StructuredMemoryStore, VectorMemoryStore, run_agent


async def main(question: str) -> None:
    """Run one turn that is kept like any other."""
    structured, vector = StructuredMemoryStore(), VectorMemoryStore()
    await structured.init_db()
    deps = AgentDeps(session_id="example-single", structured_store=structured, vector_store=vector)
    answer, _ = await run_agent(question, deps)
    print(answer)
    await structured.close()


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "What can you do?"))
