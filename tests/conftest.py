"""What every test gets: a home of its own, no provider, and no blocking call on the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster

from lra.config import KNOWN_NAMES
from tests.support.fixtures import model_server
from tests.support.sandboxes import local_env, run_folder, sandboxes

__all__ = ["local_env", "model_server", "run_folder", "sandboxes"]

NOWHERE = "http://127.0.0.1:9"
"""The discard port, on which nothing listens: connections are refused at once."""


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a working directory that no other test has seen, and an environment without settings."""
    home = tmp_path_factory.mktemp("home")
    for name in KNOWN_NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    monkeypatch.setenv("LRA_HOME", str(home / "lra"))
    monkeypatch.setenv("LRA_EMBEDDING", "none")
    # An Ollama that happens to run here must not answer a test.
    monkeypatch.setenv("OLLAMA_BASE_URL", NOWHERE)
    folder = home / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return home


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster]:
    """Fail when code of ours blocks the event loop; a test may allow more with the value."""
    blockbuster = BlockBuster("lra")
    # Neither touches a disk.
    for name in ("os.getcwd", "os.path.abspath"):
        del blockbuster.functions[name]
    for function in blockbuster.functions.values():
        # Importing is done ahead of time by those who care; a migration runs once in a database's life.
        function.can_block_in("<frozen importlib._bootstrap>", "_find_and_load")
        function.can_block_in("lra/store/migrate.py", "_upgrade")
        # A constructor cannot wait; a library user who minds passes the database's URL.
        function.can_block_in("lra/store/structured.py", "__init__")
    blockbuster.activate()
    yield blockbuster
    blockbuster.deactivate()
