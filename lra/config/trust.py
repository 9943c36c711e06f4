"""Which folders may configure the program: a list that only the person extends."""

from __future__ import annotations

import os
from pathlib import Path


def _list_file(config_dir: Path) -> Path:
    return config_dir / "trusted_folders"


def is_trusted(folder: Path, config_dir: Path) -> bool:
    """Tell whether `folder` itself was trusted (its parents do not count)."""
    try:
        lines = _list_file(config_dir).read_text("utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return str(folder.resolve()) in lines


def trust(folder: Path, config_dir: Path) -> None:
    """Record the person's yes for `folder`; the list is private to the user."""
    if is_trusted(folder, config_dir):
        return
    config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(_list_file(config_dir), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as file:
        file.write(f"{folder.resolve()}\n")
