from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from lra.chat.clipboard import OSC52_LIMIT, osc52, programs, through_program
from lra.chat.commands.answers import code_blocks
from lra.chat.markdown import AnswerStream
from lra.chat.theme import Theme


@pytest.mark.parametrize(
    ("environ", "platform", "names"),
    [
        ({}, "linux", []),
        ({}, "darwin", ["pbcopy"]),
        ({}, "win32", ["clip.exe"]),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", ["clip.exe"]),
        ({"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}, "linux", ["wl-copy", "xclip", "xsel"]),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "a b"}, "linux", []),
        ({"TMUX": "/tmp/x", "SSH_TTY": "/dev/pts/1"}, "linux", ["tmux"]),
    ],
)
def test_which_programs_reach_the_clipboard(environ: dict[str, str], platform: str, names: list[str]) -> None:
    assert [command[0] for command in programs(environ, platform)] == names


def test_the_terminal_is_given_the_text_whole_or_not_at_all() -> None:
    assert base64.b64decode(osc52("héllo", {})[7:-1]).decode() == "héllo"
    assert osc52("x" * OSC52_LIMIT, {})
    assert osc52("x" * (OSC52_LIMIT + 1), {}) == ""
    inside_screen = osc52("x" * 1_000, {"STY": "1"})
    assert inside_screen.replace("\x1bP", "").replace("\x1b\\", "") == osc52("x" * 1_000, {})


async def test_a_program_that_fails_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, body in (("xclip", "exit 1"), ("xsel", f"cat > {tmp_path}/taken")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    for name in ("TMUX", "SSH_CONNECTION", "SSH_TTY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await through_program("two\nlines ✓") == "xsel"
    assert (tmp_path / "taken").read_text() == "two\nlines ✓"


def test_code_blocks_are_their_source() -> None:
    text = "Text\n\n```py\na\n\n  b\n```\n\n- item\n\n  ~~~\n  ```\n  ~~~\n\n    indented\n\n```unclosed\nlast"
    assert code_blocks(text) == ["a\n\n  b", "```", "last"]


def test_a_block_has_the_number_that_stands_above_it() -> None:
    text = "Text\n\n    indented, without a number\n\n```py\none\n```\n\n> ```sh\n> two\n> ```\n"
    stream = AnswerStream(40, Theme("dark", 8))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", stream.feed(text) + stream.close())
    heads = [line for line in shown.splitlines() if "·" in line]
    assert [head.rpartition("· ")[2] for head in heads] == ["1", "2"]
    assert code_blocks(text) == ["one", "two"]
