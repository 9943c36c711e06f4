"""Serving one agent over standard input and output, until it hangs up."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from lra.config import Settings
from lra.mcp_server.offered import Offered
from lra.policy import Policy
from lra.runtime import Runtime
from lra.tools.rule_files import RuleFiles


def run(settings: Settings) -> None:
    """Serve the agent that started this process; blocks.

    Args:
        settings: Where the record is, and which rules count.
    """
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    told: list[int] = []
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        told.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    runtime = await Runtime.open(settings, background=True)
    try:
        server = Offered(runtime, RuleFiles(Policy(), settings)).server()
        serving: asyncio.Task[Any] = asyncio.create_task(server.run_stdio_async())
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        if not told:
            stopping.cancel()
            await serving
    finally:
        await runtime.close()
    if told:
        # A thread still waits for standard input, and would keep the process.
        os._exit(128 + told[0])
