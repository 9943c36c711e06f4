"""Fixtures of the session tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite("tests.session.support")

from tests.session.support import Desk  # noqa: E402
from tests.support.model_server import ModelServer  # noqa: E402


@pytest.fixture
async def desk(model_server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """Sessions on the scripted provider, which must have had no reason to complain."""
    desk = Desk(model_server, monkeypatch)
    yield desk
    await desk.close_all()
