"""Sessions on the scripted provider."""

from __future__ import annotations

from tests.session.conftest import desk

__all__ = ["desk"]
