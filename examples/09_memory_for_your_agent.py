"""Memory and tasks in a Pydantic AI agent that knows nothing of lra: one line each.

Run: LRA_MODEL=openai:gpt-5-mini python -m lra.examples.09_memory_for_your_agent "My dog is called Rex."
"""

from __future__ import annotations

import asyncio
import os
import sys

from pydantic_ai import Agent
from pydantic_ai.exceptions import UserError

from lra import MemoryCapability, TaskCapability

MODEL = os.environ.get("LRA_MODEL", "openai:gpt-5-mini")


async def main(text: str) -> None:
    """Ask an agent that remembers what earlier runs were told."""
    agent = Agent(
        MODEL,
        instructions="Answer in one sentence. Remember what the person tells you about themselves.",
        capabilities=[MemoryCapability(), TaskCapability()],
    )
    result = await agent.run(text)
    print(result.output)


if __name__ == "__main__":
    try:
        asyncio.run(main(" ".join(sys.argv[1:]) or "What is my dog called?"))
    except UserError as error:
        # As when the provider's key is missing.
        sys.exit(str(error))
