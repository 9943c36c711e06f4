"""Tracing: spans go where the token's owner says, only with a token, and its absence is no failure."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class Collector(ThreadingHTTPServer):
    """Takes what an OpenTelemetry exporter sends."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.taken.append((self.path, self.headers.get("Authorization", ""), body))
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(b'{"project_name": "test", "project_url": "http://127.0.0.1"}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


TURN = "import sys; from lra.cli import main; sys.argv = ['lra', 'chat', '-p', 'hello tracing']; {before}; main()"


def _turn(collector: Collector, home: Path, *, before: str = "pass", **extra: str) -> subprocess.CompletedProcess[str]:
    # Logfire sends nothing from what it takes for a test run.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environ = {**inherited, "LRA_HOME": str(home), "LOGFIRE_BASE_URL": collector.url, **extra}
    return subprocess.run(
        [sys.executable, "-c", TURN.format(before=before)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_token_sends_the_spans_of_a_turn(collector: Collector, tmp_path: Path) -> None:
    done = _turn(collector, tmp_path, LOGFIRE_TOKEN="pylf_v1_local_test")
    assert done.returncode == 0, done.stderr
    spans = [body for path, token, body in collector.taken if path == "/v1/traces" and "pylf_v1_local_test" in token]
    assert b"hello tracing" in b"".join(spans)
    assert "pylf_v1_local_test" not in done.stdout + done.stderr
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"pylf_v1_local_test" not in stored


def test_without_a_token_nothing_is_sent(collector: Collector, tmp_path: Path) -> None:
    assert _turn(collector, tmp_path).returncode == 0
    assert collector.taken == []


def test_a_token_without_the_package_is_a_notice(collector: Collector, tmp_path: Path) -> None:
    done = _turn(collector, tmp_path, before="sys.modules['logfire'] = None", LOGFIRE_TOKEN="pylf_v1_local_test")
    assert done.returncode == 0
    assert "tracing is not installed" in done.stderr
    assert collector.taken == []
