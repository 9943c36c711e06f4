"""`/files` and `/save`, in the real program with a real sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chat.conftest import Start
from tests.support.terminal import Terminal


@pytest.fixture
def env(local_env: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "LRA_MODEL": "offline", **local_env}


def chat(env: dict[str, str], *lines: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "lra", "chat"],
        input="".join(f"{line}\n" for line in lines),
        env=env,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()


def test_what_code_left_is_listed_shown_and_kept(env: dict[str, str]) -> None:
    said = chat(
        env,
        "run: `import os; os.mkdir('d'); open('d/it\\'s.bin','wb').write(b'\\0'*9); open('a.txt','w').write('hello')`",
        "/files",
        "/files a.txt",
        "/save a.txt",
        "/save a.txt",
        "/save a.txt ../elsewhere/../other.txt",
        "/files d/it's.bin",
        '/save "d/it\'s.bin"',
        "/save nope",
        "/save ../../etc/passwd",
        "/save",
    )
    text = "\n".join(said)
    assert "Files in the sandbox: " in text
    assert any(line.split()[:3] == ["5", "B", "a.txt"] for line in said)
    assert "hello" in said
    assert "is there already and was left as it is" in text
    assert "is no text" in text
    assert "There is no nope." in said
    assert "leaves the workspace" in text
    here = Path.cwd()
    assert sorted(path.name for path in here.iterdir()) == ["a.txt", "it's.bin"]
    assert f"Saved {here.parent}/other.txt (5 B)" in said
    assert (here.parent / "other.txt").read_bytes() == b"hello"
    assert (here / "it's.bin").read_bytes() == b"\0" * 9
    assert (here / "a.txt").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_replaced_by_a_whole_one_or_left(
    start: Start, local_env: dict[str, str], home: Path
) -> None:
    chat = start(**local_env, LRA_MODEL="offline")
    chat.prompt()
    chat.tell("run: `open('a.txt','w').write('hello')`", "Files in the sandbox: ")
    mine = home / "a.txt"
    mine.write_text("mine")

    def told(text: str, times: int = 1) -> Callable[[Terminal], bool]:
        # Where lines are broken depends on how long the folder's path is.
        return lambda terminal: " ".join(terminal.text.split()).count(text) == times

    answers = (("n", "was left as it is", "mine"), ("y", f"Saved {mine} (5 B)", "hello"))
    for times, (answer, said, left) in enumerate(answers, 1):
        chat.send("/save a.txt\r")
        chat.wait(told("Replace it? [y/N]", times))
        chat.send(f"{answer}\r")
        chat.wait(told(said))
        chat.prompt()
        assert mine.read_text() == left
    assert not list(home.glob(".a.txt*"))


def test_without_a_sandbox_there_are_no_files_and_none_is_made(env: dict[str, str]) -> None:
    said = "\n".join(chat(env, "/files", "/save a.txt"))
    assert said.count("This conversation has no sandbox") == 2
    assert list(Path(env["LRA_SANDBOX_RUN"]).rglob("*.json")) == []
