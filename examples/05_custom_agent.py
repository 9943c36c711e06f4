"""An agent of one's own: other instructions, a tool in Python, an answer with a shape.

Run: python -m lra.examples.05_custom_agent "to be or not to be"
"""

from __future__ import annotations

import asyncio
import sys

from pydantic import BaseModel

from lra import Session, create_agent
from lra.events import ToolFinished, TurnFinished


class Report(BaseModel):
    """What the agent answers with."""

    words: int
    comment: str


def count_words(text: str) -> int:
    """Count the words of a text.

    Args:
        text: The text.
    """
    return len(text.split())


agent = create_agent(
    name="counter",
    instructions="You report on texts. Count their words with the tool; never guess.",
    tools=[count_words],
    output_type=Report,
)


async def main(text: str) -> None:
    """Let it report on one text."""
    async with await Session.open(agent=agent, origin="library") as session:
        async for event in session.send(f"Report on this text: {text}"):
            if isinstance(event, ToolFinished):
                print(f"{event.name}: {event.content}")
            elif isinstance(event, TurnFinished):
                print(event.output if event.outcome == "completed" else f"{event.outcome}: {event.error}")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "to be or not to be"))
