"""`lra --help` against the help of a plain typer program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.measure import in_turn
from bench.options import Options
from bench.table import Row

GOAL = 1.5
REFERENCE = Path(__file__).with_name("reference") / "typer_help.py"


async def run(options: Options) -> list[Row]:
    """Start both programs in turn."""
    program = Path(sys.executable).with_name("lra")
    ours_command = [str(program)] if program.exists() else [sys.executable, "-m", "lra"]
    environ = {**os.environ, "LRA_HOME": str(options.folder / "help"), "COLUMNS": "100"}

    def start(command: list[str]) -> None:
        subprocess.run([*command, "--help"], check=True, capture_output=True, env=environ, cwd=options.folder)

    async def ours(number: int) -> None:
        start(ours_command)

    async def reference(number: int) -> None:
        start([sys.executable, str(REFERENCE)])

    ours_, reference_ = await in_turn(ours, reference, rounds=options.rounds(20, 5), warmup=2)
    return [Row(name="help", ours=ours_.median, reference=reference_.median, compare="ratio", goal=GOAL)]
