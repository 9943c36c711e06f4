from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lra.chat.file_index import FileIndex, best

FILES = [
    "README.md",
    "src/app.py",
    "src/chat_models.py",
    "src/deep/er/notes.txt",
    ".env",
    ".github/ci.yml",
    "build/out.o",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


def test_a_folder_without_git_is_walked(folder: Path) -> None:
    index = FileIndex(folder)
    assert index.find("notes") == ["src/deep/er/notes.txt"]
    assert "build/out.o" in index.find("out")
    assert set(index.find("src")[:1]) == {"src/"}


def test_hidden_files_only_when_they_are_typed(folder: Path) -> None:
    index = FileIndex(folder)
    assert not [path for path in index.find("") if path.startswith(".")]
    assert index.find("ci.yml") == []
    assert ".env" in index.find(".e")


def test_git_says_which_files_there_are(folder: Path) -> None:
    (folder / ".gitignore").write_text("build/\n")
    git = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q"], cwd=folder, env=git, check=True)
    index = FileIndex(folder)
    assert index.find("out.o") == []
    assert index.find("app") == ["src/app.py"]
    assert FileIndex(folder / "src").find("app") == ["app.py"]


def test_a_path_that_leads_elsewhere_is_completed_folder_by_folder(folder: Path) -> None:
    index = FileIndex(folder / "src")
    assert index.find("../READ") == ["../README.md"]
    assert index.find(f"{folder}/src/a") == [f"{folder}/src/app.py"]
    assert index.find("/there/is/nothing/here/") == []


def test_the_closest_comes_first() -> None:
    paths = ["a/b/main.py", "domain.py", "main.py", "src/main/x.py", "mxain.py"]
    assert best(paths, "main", 10) == ["main.py", "a/b/main.py", "domain.py", "src/main/x.py"]
    assert best(paths, "mzain", 10) == []
    assert best(paths, "mai", 2) == ["main.py", "a/b/main.py"]


@pytest.mark.parametrize(
    ("query", "path", "fits"),
    [
        ("tcm", "tests/chat_models.py", True),
        ("tchmo", "tests/chat_models.py", True),
        ("ccc", "c/c/c", True),
        ("dee", "data/agent_memory.db", False),
        ("a" * 30 + "b", "a/" * 100, False),
    ],
)
def test_beginnings_of_words_abbreviate_a_path(query: str, path: str, fits: bool) -> None:
    assert bool(best([path], query, 1)) is fits


def test_names_that_would_drive_a_terminal_are_not_offered(folder: Path) -> None:
    (folder / "evil\x1b[2J.txt").write_text("x")
    assert FileIndex(folder).find("evil") == []
    assert FileIndex(folder).find("./evil") == []
