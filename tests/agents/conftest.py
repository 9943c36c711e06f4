"""Sessions on the scripted provider, for agents and their specialists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lra.config import config_dir
from lra.config.trust import trust
from tests.session.conftest import desk

__all__ = ["desk"]


@pytest.fixture
def trusting() -> Callable[[Path], None]:
    """Trust a folder, as the person does with `lra init`."""
    return lambda folder: trust(folder, config_dir())
