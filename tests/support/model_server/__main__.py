"""Run the scripted model provider as a process; its base URL is the first line it prints."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from .script import Step, script_from_json
from .server import ModelServer


def main() -> None:
    """Serve until terminated."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", type=Path, help="JSON: a list of steps, or an object with steps and default")
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input is closed")
    options = parser.parse_args()
    steps: list[Step] = []
    default: Step | None = Step(text="ok")
    if options.script is not None:
        steps, default = script_from_json(json.loads(options.script.read_text(encoding="utf-8")))
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if options.with_stdin:
        threading.Thread(target=_watch_stdin, args=(ended,), daemon=True).start()
    with ModelServer(steps, default, port=options.port) as server:
        print(server.url, flush=True)
        ended.wait()


def _watch_stdin(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main()
