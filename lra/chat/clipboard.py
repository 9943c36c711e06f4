"""Putting text on the clipboard: through the terminal, and through the platform's program where there is one."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping

OSC52_LIMIT = 74_994
"""Bytes that terminals take at most, as they began with this limit."""
_SECONDS = 3.0


def programs(environ: Mapping[str, str], platform: str = sys.platform) -> list[list[str]]:
    """Return the programs that reach this person's clipboard, the best first.

    Over ssh none does: they would reach the clipboard of the machine the shell runs on.
    """
    found: list[list[str]] = []
    if environ.get("TMUX"):
        # Tmux passes it on to the terminal, whatever it does with escape sequences of programs.
        found.append(["tmux", "load-buffer", "-w", "-"])
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return found
    if platform == "darwin":
        found.append(["pbcopy"])
    if platform == "win32" or environ.get("WSL_DISTRO_NAME"):
        found.append(["clip.exe"])
    if environ.get("WAYLAND_DISPLAY"):
        found.append(["wl-copy"])
    if environ.get("DISPLAY"):
        found += [["xclip", "-selection", "clipboard"], ["xsel", "--clipboard", "--input"]]
    return found


def osc52(text: str, environ: Mapping[str, str]) -> str:
    """Return the sequence that asks the terminal to take a text; empty when it is too long for that."""
    data = text.encode()
    if len(data) > OSC52_LIMIT:
        return ""
    sequence = f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"
    if environ.get("STY"):
        # Screen passes a sequence on in pieces of bounded length.
        pieces = [sequence[start : start + 250] for start in range(0, len(sequence), 250)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


async def through_program(text: str) -> str:
    """Give a text to the first program that takes it; returns its name, empty when there is none."""
    for command in programs(os.environ):
        if await asyncio.to_thread(_run, command, text):
            return command[0]
    return ""


def _run(command: list[str], text: str) -> bool:
    if not shutil.which(command[0]):
        return False
    # The Windows program reads UTF-16 when it begins with the mark for it.
    data = text.encode("utf-16") if command[0] == "clip.exe" else text.encode()
    try:
        done = subprocess.run(
            command,
            input=data,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
