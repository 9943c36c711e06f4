"""From the start of `lra chat` to its first prompt, against the same libraries' least program."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from bench.options import Options
from bench.table import Row
from bench.terminal import chat_command, private_environ, running

GOAL = 2.0
REFERENCE = Path(__file__).with_name("reference") / "prompt.py"


async def run(options: Options) -> list[Row]:
    """Start both at a terminal in turn."""
    environ = private_environ(options.folder / "prompt")
    commands = {"ours": chat_command(), "reference": [sys.executable, str(REFERENCE)]}
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(options.rounds(14, 3) + 1):
        for name in sorted(commands, reverse=bool(number % 2)):
            started = time.perf_counter()
            with running(commands[name], environ, options.folder) as terminal:
                elapsed = (terminal.wait_for_prompt() - started) * 1000
            # The first round of each fills the caches of the disk and makes the data folder.
            if number:
                taken[name].append(elapsed)
    ours, reference = (statistics.median(taken[name]) for name in ("ours", "reference"))
    return [Row(name="prompt", ours=ours, reference=reference, compare="ratio", goal=GOAL)]
