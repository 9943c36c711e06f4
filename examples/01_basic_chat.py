"""A chat loop of twenty lines: several turns in one session, remembered across runs.

Run: python -m lra.examples.01_basic_chat
"""

from __future__ import annotations

import asyncio

from lra import AgentDeps, StructuredMemoryStore, run_agent

SESSION = "example-chat"


async def main() -> None:
    """Read lines until an empty one, answering each."""
    store = StructuredMemoryStore()
    deps = AgentDeps(session_id=SESSION, structured_store=store)
    print("Type a message; an empty line ends.")
    try:
        while text := (await asyncio.to_thread(input, "You: ")).strip():
            answer, _ = await run_agent(text, deps)
            print(f"lra: {answer}")
    except EOFError:
        pass
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(main())
