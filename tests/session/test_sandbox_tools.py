"""Code that a message asks for runs in a sandbox, is shown while it runs, and shares its names within the session."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lra import events
from lra.session import Session
from sandbox.errors import UnavailableError
from sandbox.providers import registry
from sandbox.providers.local import LocalProvider


@pytest.fixture
async def run_folder(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    reason = await LocalProvider().check()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="lra"))
    monkeypatch.setenv("LRA_SANDBOX_RUN", str(folder))
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(registry, "names", lambda: ["local"])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def _send(session: Session, text: str) -> list[events.Event]:
    return [event async for event in session.send(text)]


def _result(seen: list[events.Event]) -> dict[str, object]:
    finished = [event for event in seen if isinstance(event, events.ToolFinished)]
    return dict(json.loads(finished[0].content))


async def test_code_runs_and_its_output_is_shown_as_it_comes(run_folder: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        assert "execute_code" in [tool.name for tool in session.tools()]
        seen = await _send(session, "run: `x = 6; print('\\x1b[2Jhello')`")
        progress = "".join(event.text for event in seen if isinstance(event, events.ToolProgress))
        assert "hello" in progress
        assert "\x1b" not in progress
        assert _result(seen)["success"] is True
        again = await _send(session, "run: `x * 7`")
        assert _result(again)["result"] == "42"
    # Nothing is left when the session has ended.
    left = [path for path in run_folder.rglob("*") if not path.is_dir() and "checked" not in path.parts]
    assert left == []


async def test_a_failure_is_told(run_folder: Path) -> None:
    async with await Session.open(model="offline", use_memory=False) as session:
        seen = await _send(session, "run: `1 / 0`")
        assert "ZeroDivisionError" in str(_result(seen)["error"])


async def test_without_a_provider_no_tool_is_offered_and_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(name: str = "auto") -> None:
        raise UnavailableError("Code cannot be run here.")

    monkeypatch.setattr("sandbox.manager.choose", none)
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")
    async with await Session.open(model="offline", use_memory=False) as session:
        assert "execute_code" not in [tool.name for tool in session.tools()]
        seen = await _send(session, "run: `1 + 1`")
        assert not any(isinstance(event, events.ToolStarted) for event in seen)
        assert "sandbox" in seen[-1].to_dict()["output"].lower()
