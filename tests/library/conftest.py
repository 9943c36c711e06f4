"""Sessions on the scripted provider, for programs that use the library."""

from __future__ import annotations

from tests.session.conftest import desk

__all__ = ["desk"]
