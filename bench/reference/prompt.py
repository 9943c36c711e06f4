"""The least that a terminal chat with the same libraries does before its first prompt."""

from __future__ import annotations

import asyncio

import rich.console
import typer
from prompt_toolkit import PromptSession


def chat() -> None:
    """Ask once."""
    rich.console.Console().print("reference", style="bold")

    async def ask() -> str:
        session: PromptSession[str] = PromptSession()
        return await session.prompt_async("> ")

    asyncio.run(ask())


if __name__ == "__main__":
    typer.run(chat)
