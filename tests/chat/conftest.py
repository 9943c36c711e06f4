from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import MODELS, env_for
from tests.support.model_server import ModelServer
from tests.support.terminal import Terminal, lra, plain_env

Start = Callable[..., Terminal]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start `lra chat` with the given arguments in a terminal; everything is closed at the end."""
    running: list[Terminal] = []

    def begin(*arguments: str, cwd: Path | None = None, argv: list[str] | None = None, **extra: str) -> Terminal:
        columns, rows = int(extra.pop("COLUMNS", "100")), int(extra.pop("LINES", "30"))
        terminal = Terminal(
            argv or lra("chat", *arguments),
            env=plain_env(home, **extra),
            cwd=cwd or home,
            columns=columns,
            rows=rows,
        )
        running.append(terminal)
        return terminal

    yield begin
    for terminal in running:
        terminal.close()
        assert "Traceback" not in terminal.text


@pytest.fixture
def model_env(model_server: ModelServer) -> dict[str, str]:
    """Variables that make the scripted server the model."""
    return {**env_for(model_server), "LRA_MODEL": MODELS["openai-chat"]}
