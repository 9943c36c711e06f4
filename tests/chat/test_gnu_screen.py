"""A smoke test in GNU screen, which cuts lines when a window gets narrower."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.model_server import ModelServer, say
from tests.support.terminal import lra

pytestmark = pytest.mark.skipif(shutil.which("screen") is None, reason="screen is not installed")


def test_an_answer_and_two_sizes(
    start: Start, home: Path, tmp_path_factory: pytest.TempPathFactory, model_env: dict[str, str],
    model_server: ModelServer,
) -> None:  # fmt: skip
    sockets = tmp_path_factory.mktemp("s")
    sockets.chmod(0o700)
    hard_copy = home / "copy"
    (home / ".screenrc").write_text("startup_message off\ndefutf8 on\ndefscrollback 1000\n")
    paragraphs = [f"Paragraph {number}, 日本語 and all, is here to be read." for number in range(10)]
    model_server.script(say("\n\n".join(paragraphs), chunk_delay=0.03), say("Fine."))
    window = start(argv=["screen", "-U", "--", *lra("chat")], SCREENDIR=str(sockets), **model_env)
    window.wait("openai-chat:")
    window.send("go\r")
    window.wait("Paragraph 1,")
    window.send("a draft")
    window.wait("> a draft")
    for columns, rows in ((60, 20), (100, 30)):
        window.resize(columns, rows)
    window.wait("Paragraph 9, 日本語 and all, is here to be read.")
    window.press("enter")
    window.wait("Fine.")
    window.send(f"\x01:hardcopy -h {hard_copy}\r")
    window.wait(lambda _: hard_copy.exists() and "Fine." in hard_copy.read_text(encoding="utf-8", errors="replace"))
    text = hard_copy.read_text(encoding="utf-8", errors="replace")
    for number in range(10):
        assert text.count(f"Paragraph {number},") == 1, text
    assert text.count("> a draft") == 1
    assert text.count("openai-chat:") == 1
    window.press("ctrl-d")
    assert window.end() == 0
