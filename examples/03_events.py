"""Follow a turn event by event: what was recalled, which tools run, the text as it streams.

Run: python -m lra.examples.03_events "Remember that my dog is called Rex."
"""

from __future__ import annotations

import asyncio
import sys

from lra import Session
from lra.events import Recalled, TextDelta, ToolFinished, ToolStarted, TurnFinished


async def main(text: str) -> None:
    """Run one turn in a session of its own and show its events."""
    async with await Session.open(origin="library") as session:
        async for event in session.send(text):
            match event:
                case Recalled(memories=memories) if memories:
                    print(f"recalled: {[memory.content for memory in memories]}")
                case ToolStarted(name=name, args=args):
                    print(f"calls {name} with {args}")
                case ToolFinished(name=name, content=content):
                    print(f"{name}: {content}")
                case TextDelta(text=piece):
                    print(piece, end="", flush=True)
                case TurnFinished(usage=usage, outcome=outcome):
                    print(f"\n{outcome}, {usage.output_tokens} tokens out")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Remember that my dog is called Rex."))
