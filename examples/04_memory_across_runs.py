"""Two conversations that know nothing of each other, and one memory: what the first is told, the second knows.

Run: python -m lra.examples.04_memory_across_runs
"""

from __future__ import annotations

import asyncio

from lra import Session
from lra.events import Recalled, TurnFinished


async def say(text: str) -> None:
    """Hold a conversation of one turn."""
    async with await Session.open(origin="library") as session:
        print(f"> {text}")
        async for event in session.send(text):
            if isinstance(event, Recalled) and event.memories:
                print(f"  recalled: {', '.join(memory.content for memory in event.memories)}")
            elif isinstance(event, TurnFinished):
                print(event.output)


async def main() -> None:
    """Tell it something, and ask for it in another conversation."""
    await say("Remember that my dog is called Rex.")
    await say("What is my dog called?")


if __name__ == "__main__":
    asyncio.run(main())
