"""How much memory the process holds: at its first prompt, and with everything loaded."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.options import Options
from bench.table import Row
from bench.terminal import chat_command, private_environ, running
from bench.turn import ANSWER
from tests.support.model_server import ModelServerProcess, say

PROMPT_GOAL = 100.0
LOADED_GOAL = 450.0
LOADED_SIZE = 10_000


async def run(options: Options) -> list[Row]:
    """Look at a conversation that waits for its first line, and at a process that has taken turns."""
    first, settled = [], []
    environ = private_environ(options.folder / "memory-prompt")
    for _ in range(options.rounds(3, 1)):
        with running(chat_command(), environ, options.folder) as terminal:
            terminal.wait_for_prompt()
            first.append(terminal.resident_mb())
            terminal.drain(4.0)
            settled.append(terminal.resident_mb())
    rows = [
        Row(name="memory at the prompt", ours=statistics.median(first), unit="MB", goal=PROMPT_GOAL),
        Row(name="  after loading behind it", ours=statistics.median(settled), unit="MB", compare="info"),
    ]
    size = min(LOADED_SIZE, max(options.sizes)) if options.sizes else LOADED_SIZE
    database = await options.records.copy(size, "memory-loaded")
    with ModelServerProcess(default=say(ANSWER)) as server:
        environ = private_environ(options.folder / "memory-loaded", OPENAI_API_KEY="bench")
        environ["OPENAI_BASE_URL"] = f"{server.url}/v1"
        command = [
            sys.executable,
            "-m",
            "bench.loaded",
            str(database),
            *([str(options.model_dir)] if options.model_dir else []),
        ]
        done = subprocess.run(command, check=True, capture_output=True, env=environ, text=True)
    loaded = float(done.stdout.split()[-1])
    rows.append(Row(name=f"memory loaded, {size} with vectors", ours=loaded, unit="MB", goal=LOADED_GOAL))
    return rows
