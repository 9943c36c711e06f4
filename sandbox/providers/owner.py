"""Whose a sandbox is: a process, told apart from a later one that was given the same number."""

from __future__ import annotations

import os

_FILE = "owner"


def sign(folder: str) -> None:
    """Write this process down as the owner of a folder."""
    path = os.path.join(folder, _FILE)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {_born(os.getpid())}\n")
    os.chmod(f"{path}.new", 0o600)
    os.replace(f"{path}.new", path)


def owner_lives(folder: str) -> bool | None:
    """Whether the owner of a folder still runs; None when nobody is written down."""
    try:
        with open(os.path.join(folder, _FILE), encoding="utf-8") as file:
            number, _, born = file.read().strip().partition(" ")
        return _born(int(number)) == born
    except (OSError, ValueError):
        return None


def _born(pid: int) -> str:
    """Return when a process began, in the kernel's own count, or nothing when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The name in parentheses may hold spaces and parentheses.
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]
