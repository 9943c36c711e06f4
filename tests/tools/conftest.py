from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.providers import registry
from sandbox.providers.local import LocalProvider
from tests.session.support import Desk
from tests.support.model_server import ModelServer


@pytest.fixture
async def desk(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Sessions on the scripted provider, which must have had no reason to complain."""
    desk = Desk(model_server, monkeypatch)
    yield desk
    await desk.close_all()


@pytest.fixture
async def sandboxes(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """Real sandboxes of this machine, whose traces lie in a folder of the test's own."""
    reason = await LocalProvider().check()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="lra"))
    monkeypatch.setenv("LRA_SANDBOX_RUN", str(folder))
    monkeypatch.setenv("SANDBOX_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(registry, "names", lambda: ["local"])
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
