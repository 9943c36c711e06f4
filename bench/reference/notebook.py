"""A kernel of Jupyter, as `jupyter_client` starts it: time of a cell and memory, as a line of JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    from jupyter_client.manager import start_new_kernel  # type: ignore[import-not-found,unused-ignore]

    manager, client = start_new_kernel()
    taken: list[float] = []
    for _ in range(int(sys.argv[1])):
        started = time.perf_counter()
        _run(client, "1 + 1")
        taken.append((time.perf_counter() - started) * 1000)
    pid = manager.provisioner.process.pid
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    print(json.dumps({"cell": statistics.median(taken), "memory": private / 1024}))


def _run(client: Any, code: str) -> None:
    asked = client.execute(code)
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") == asked and message["content"].get("execution_state") == "idle":
            return


main()
