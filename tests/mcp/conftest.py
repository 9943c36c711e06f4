"""Sessions on the scripted provider, for tests of tools that come from elsewhere."""

from __future__ import annotations

from tests.session.conftest import desk

__all__ = ["desk"]
