"""Real sandboxes of this machine, whose traces lie in a folder of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def run_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where sandboxes are written down."""
    # Short, since the path of a socket has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="lra", dir="/tmp"))
    monkeypatch.setenv("LRA_SANDBOX_RUN", str(folder))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def local_env(run_folder: Path) -> dict[str, str]:
    """The variables with which a program has sandboxes of the local provider, where it works."""
    from sandbox.providers.local import LocalProvider

    if reason := asyncio.run(LocalProvider().check()):
        pytest.skip(reason)
    return {
        "LRA_SANDBOX_RUN": str(run_folder),
        "SANDBOX_URL": "http://127.0.0.1:9",
        "DOCKER_HOST": "unix:///nonexistent",
    }


@pytest.fixture
def sandboxes(local_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same in this process; returns where they are written down."""
    from sandbox.providers import registry

    monkeypatch.setenv("SANDBOX_URL", local_env["SANDBOX_URL"])
    monkeypatch.setattr(registry, "names", lambda: ["local"])
    return Path(local_env["LRA_SANDBOX_RUN"])
