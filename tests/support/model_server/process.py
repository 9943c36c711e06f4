"""The server as a process of its own, for benchmarks that must not share an interpreter with it."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from .script import Step

ROOT = Path(__file__).parents[3]
TIMEOUT = 10.0


class ModelServerProcess:
    """A scripted model provider in a child process, which ends with its parent.

    Example:
        with ModelServerProcess(default=say("ok")) as server: ...
    """

    def __init__(self, steps: Iterable[Step] = (), default: Step | None = None) -> None:
        """Prepare a script; steps given as functions cannot leave this process."""
        script = {"steps": [asdict(step) for step in steps], "default": asdict(default) if default else None}
        self._script = json.dumps(script)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        """Start, and wait for the base URL."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as script:
            script.write(self._script)
            script.flush()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.model_server", "--with-stdin", "--script", script.name],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            output = self._process.stdout
            assert output is not None
            if select.select([output], [], [], TIMEOUT)[0]:
                self.url = output.readline().strip()
        if not self.url:
            self.__exit__()
            raise RuntimeError("the model server did not start")
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def release(self, count: int = 1) -> None:
        """Let held streams go on."""
        self._ask(f"/_control/release?count={count}", method="POST")

    def status(self) -> dict[str, Any]:
        """How many requests came, streams are held and steps are left, and the complaints."""
        return dict(json.loads(self._ask("/_control/status")))

    def requests(self) -> list[dict[str, Any]]:
        """The recorded requests."""
        return list(json.loads(self._ask("/_control/requests")))

    def _ask(self, path: str, method: str = "GET") -> bytes:
        with urlopen(Request(self.url + path, method=method), timeout=TIMEOUT) as answer:
            return bytes(answer.read())
