"""An agent that hands drafts to a critic; what the critic does is told below the call.

Run: python -m lra.examples.06_specialists "A haiku about rain"
"""

from __future__ import annotations

import asyncio
import sys

from lra import Session, Specialist, create_agent
from lra.events import SpecialistFinished, SpecialistStarted, ToolStarted, TurnFinished

agent = create_agent(
    name="writer",
    instructions="You write what you are asked for. Hand every draft to the critic, and improve it once.",
    specialists=[
        Specialist(
            name="critic",
            description="Hand a draft to the critic before you give it to the person.",
            instructions="You judge drafts. Name the weakest point and a better wording, in two sentences.",
            tools=(),
        )
    ],
)


async def main(text: str) -> None:
    """Ask for one text."""
    async with await Session.open(agent=agent, origin="library") as session:
        async for event in session.send(text):
            match event:
                case SpecialistStarted(name=name, task=task):
                    print(f"{name} is asked: {task}")
                case SpecialistFinished(name=name, outcome=outcome, usage=usage):
                    print(f"{name}: {outcome}, {usage.output_tokens} tokens")
                case ToolStarted(agent=who, name=name) if who:
                    print(f"  {who} calls {name}")
                case TurnFinished(output=output, usage=usage):
                    print(f"{output}\n{usage.requests} requests in all")


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "A haiku about rain"))
