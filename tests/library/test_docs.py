"""Every piece of Python in the README and the documentation runs, and the README's console shows what is printed."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def snippets() -> list[tuple[str, str]]:
    """Every piece of Python, named by its page and its line."""
    found = []
    for page in PAGES:
        text = page.read_text("utf-8")
        for match in _PYTHON.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{page.name}:{line}", match[1]))
    return found


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT), "SANDBOX_URL": "http://127.0.0.1:9", "PATH": path, "COLUMNS": "100"}


@pytest.mark.parametrize(("name", "source"), snippets(), ids=[name for name, _ in snippets()])
def test_it_runs(name: str, source: str, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=home / "work",
        env=environment(),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def section(heading: str) -> str:
    text = (ROOT / "README.md").read_text("utf-8")
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_the_console_of_ones_own_agent_shows_what_is_printed(home: Path) -> None:
    """Commands stand behind `$`, what they print on both streams below them."""
    shown = "".join(match[1] for match in _CONSOLE.finditer(section("Your own agent")))
    assert shown.count("$ ") >= 3
    for piece in re.split(r"^\$ ", shown, flags=re.MULTILINE)[1:]:
        command, _, expected = piece.partition("\n")
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(command)] if command.startswith("lra ") else shlex.split(command),
            cwd=home / "work",
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
            check=False,
        )
        printed = done.stdout.replace(str(home / "work"), "/home/you")
        assert sorted(printed.split("\n")) == sorted([*expected.rstrip("\n").split("\n"), ""]), command
