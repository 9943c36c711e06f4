"""What is left of looking for a Docker engine where there is none."""

from __future__ import annotations

import gc
import socket
import warnings
from pathlib import Path

import pytest

from sandbox.errors import UnavailableError
from sandbox.providers.docker.engine import connect


@pytest.mark.parametrize("dead", [True, False])
def test_no_socket_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: bool) -> None:
    path = tmp_path / "engine.sock"
    if dead:
        # A file that nobody listens behind any more.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
            engine.bind(str(path))
    why = "Connection refused" if dead else "No such file or directory"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(UnavailableError, match=rf"No Docker engine answers \(.*{why}.*\)\. Start Docker"):
            connect(f"unix://{path}")
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(UnavailableError, match=why):
            connect(None)
        gc.collect()
    assert [str(each.message) for each in caught if each.category is ResourceWarning] == []
