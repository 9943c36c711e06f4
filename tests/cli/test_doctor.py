"""`lra doctor`, and the probe of a sandbox service."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from lra.checks import check_sandbox
from lra.config import load_settings
from sandbox.client import probe

from .conftest import Cli


class _Service(BaseHTTPRequestHandler):
    health: ClassVar[Any] = {"service": "lra-sandbox", "status": "ok"}
    key: ClassVar[str | None] = None
    seen: ClassVar[list[tuple[str, str | None]]]

    def do_GET(self) -> None:
        sent = self.headers.get("Authorization")
        type(self).seen.append((self.path, sent))
        allowed = self.path == "/health" or self.key is None or sent == f"Bearer {self.key}"
        body = json.dumps(self.health if self.path == "/health" else []).encode()
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[tuple[type[_Service], str]]:
    handler = type("Handler", (_Service,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def _states(result: Any) -> dict[str, str]:
    return {check["name"]: check["status"] for check in result.json["checks"]}


def test_an_empty_home_is_sound_and_stays_empty(cli: Cli) -> None:
    result = cli("doctor", "--json", env={"LRA_MODEL": "offline"})
    assert result.code == 0
    assert result.json["ok"] is True
    states = _states(result)
    # It depends on the machine.
    assert states.pop("sandbox") in {"ok", "warn"}
    assert states == {
        "settings": "ok",
        "folders": "ok",
        "model": "ok",
        "database": "ok",
        "embedding": "ok",
        "index": "ok",
    }
    assert all(check["fix"] for check in result.json["checks"] if check["status"] != "ok")
    assert not cli.home.exists()


def test_a_full_home_is_looked_through(full: Cli) -> None:
    result = full("doctor", env={"LRA_MODEL": "offline"})
    assert result.code == 0
    assert "is sound (schema " in result.out
    assert "2 in memory, with summaries" in result.out


def test_failures_are_named_with_their_fix(cli: Cli) -> None:
    cli.home.mkdir(parents=True, mode=0o755)
    cli.home.chmod(0o755)
    cli.database.write_bytes(b"no database" * 500)
    result = cli("doctor", "--json", env={"LRA_MODEL": "nonsense", "LRA_EMBEDDING": str(cli.home)})
    assert result.code == 1
    states = _states(result)
    assert (states["folders"], states["model"], states["database"], states["embedding"]) == (
        "warn",
        "fail",
        "fail",
        "fail",
    )
    assert not any("defect" in check["fix"] for check in result.json["checks"])


def test_where_code_would_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    monkeypatch.setattr("sandbox.providers.registry.names", lambda: ["docker"])
    found = check_sandbox(load_settings())
    assert found.status == "warn"
    assert "docker: No Docker engine answers" in found.detail
    assert "Start Docker" in found.fix


def test_unreadable_settings_are_a_failure_of_their_own(cli: Cli) -> None:
    result = cli("doctor", "--json", env={"LRA_APPROVAL": "maybe"})
    assert result.code == 1
    assert _states(result) == {"settings": "fail"}


def test_the_service_is_recognised(service: tuple[type[_Service], str]) -> None:
    handler, url = service
    found = probe(f"{url}/", "key")
    assert (found.reachable, found.is_sandbox, found.refused) == (True, True, False)
    assert handler.seen == [("/health", None), ("/sandboxes", "Bearer key")]
    handler.key = "another"
    assert probe(url, "key").refused
    assert probe(url).refused


@pytest.mark.parametrize("health", [{"status": "ok"}, {"service": "other"}, [], "lra-sandbox", None])
def test_a_key_is_never_sent_to_a_stranger(service: tuple[type[_Service], str], health: Any) -> None:
    handler, url = service
    handler.health = health
    found = probe(url, "key")
    assert (found.reachable, found.is_sandbox) == (True, False)
    assert handler.seen == [("/health", None)]


def test_nobody_there() -> None:
    assert not probe("http://127.0.0.1:9", timeout=0.2).reachable
    assert not probe("http://[bad", timeout=0.2).reachable
