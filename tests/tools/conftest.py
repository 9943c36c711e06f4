from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.session.support import Desk
from tests.support.model_server import ModelServer


@pytest.fixture
async def desk(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Sessions on the scripted provider, which must have had no reason to complain."""
    desk = Desk(model_server, monkeypatch)
    yield desk
    await desk.close_all()
