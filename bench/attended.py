"""A streamed answer of 10 kB in the real program at a terminal, against the same program printing it."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path

from bench.options import Options
from bench.streaming import answer
from bench.table import Row
from bench.terminal import LIMIT, Terminal, chat_command, private_environ, running
from lra.chat.markdown import AnswerStream
from lra.chat.theme import Theme
from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import say
from tests.support.model_server.process import ModelServerProcess

PER_SECOND = 400
_TICK = os.sysconf("SC_CLK_TCK")
_END = "Done with all of it."
_SHORT = "Nothing much."


async def run(options: Options) -> list[Row]:
    """Stream the answer at a terminal, print it to a pipe, and compare."""
    text = "".join(answer()) + f"\n```\n\n{_END}"
    long, short = say(text, chunks=1_600, chunk_delay=1 / PER_SECOND), say(_SHORT)
    rounds = options.rounds(3, 1)
    attended, printed, weights = [], [], []
    for number in range(rounds):
        with ModelServerProcess([short, long]) as server:
            environ = private_environ(options.folder / f"attended-{number}")
            environ |= {**env_for(server), "LRA_MODEL": MODELS["openai-chat"], "COLUMNS": "", "LINES": ""}
            with running(chat_command(), environ, options.folder) as terminal:
                terminal.wait_for_prompt()
                _turn(terminal, _SHORT)
                before, sent = _cpu(terminal.pid), terminal.received
                _turn(terminal, _END)
                attended.append(_cpu(terminal.pid) - before)
                weights.append(terminal.received - sent)
        with ModelServerProcess([short, long]) as server:
            environ |= env_for(server)
            taken = [_printing(environ, options.folder) for _ in range(2)]
            printed.append(taken[1] - taken[0])
    stream = AnswerStream(100, Theme("dark", 8))
    weight = len((stream.feed(text) + stream.close()).encode())
    return [
        Row(name="10 kB in a terminal, bytes", ours=statistics.median(weights) / 1000, reference=weight / 1000,
            unit="kB", compare="ratio", goal=2.0),
        Row(name="10 kB in a terminal, CPU", ours=statistics.median(attended) * 1000,
            reference=statistics.median(printed) * 1000, compare="ratio", goal=3.0),
    ]  # fmt: skip


def _turn(terminal: Terminal, end: str) -> None:
    terminal.type("go\r")
    until = time.perf_counter() + LIMIT
    while time.perf_counter() < until:
        terminal.drain(0.2)
        if any(line.startswith(end) for line in terminal.shown) and terminal.idle:
            return
    raise RuntimeError("no answer was shown: " + " / ".join(terminal.shown))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _printing(environ: dict[str, str], folder: Path) -> float:
    before = os.times()
    subprocess.run(
        [*chat_command(), "-p", "go"], env=environ, cwd=folder, stdout=subprocess.DEVNULL, check=True, timeout=LIMIT
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
