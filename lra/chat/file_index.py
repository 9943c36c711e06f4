"""The files that `@` completes: those git knows where there is a repository, else a bounded look around."""

from __future__ import annotations

import heapq
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_FRESH = 5.0
"""Seconds a listing is used before it is made anew."""
_MOST = 50_000
_WALK_SECONDS = 0.5
_GIT_SECONDS = 3.0
_WORD_START = re.compile(r"^|[/_. -]")


class FileIndex:
    """Paths below a folder, relative to it; folders end with a slash. Its methods block: run them in a thread.

    Args:
        cwd: The folder.
    """

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self._paths: list[str] = []
        self._listed = -_FRESH
        # Completion asks anew with each key, while an earlier listing may still be made.
        self._lock = threading.Lock()

    def find(self, query: str, limit: int = 50) -> list[str]:
        """Return the paths that fit a query best; hidden ones only when a part of the query begins with a dot."""
        if query.startswith(("/", "~", "../", "./")) or query in {"..", "."}:
            return self._beside(query, limit)
        hidden = any(part.startswith(".") for part in query.split("/"))
        paths = (path for path in self._all() if hidden or not _is_hidden(path))
        return best(paths, query, limit)

    def _beside(self, query: str, limit: int) -> list[str]:
        """Return what stands in a folder that was typed out."""
        folder, slash, begun = query.rpartition("/")
        if not slash:
            folder, begun = "", query
        try:
            place = self.cwd / Path(folder + slash).expanduser()
            with os.scandir(place) as entries:
                names = [entry.name + ("/" if entry.is_dir() else "") for entry in entries if entry.name.isprintable()]
        except (OSError, RuntimeError):
            return []
        fitting = [
            name
            for name in names
            if name.casefold().startswith(begun.casefold()) and (begun.startswith(".") or not name.startswith("."))
        ]
        return [folder + slash + name for name in sorted(fitting)[:limit]]

    def _all(self) -> list[str]:
        with self._lock:
            if time.monotonic() - self._listed >= _FRESH:
                files = self._from_git()
                if files is None:
                    files = list(self._walk())
                self._paths = _with_folders(path for path in files if path.isprintable())
                self._listed = time.monotonic()
            return self._paths

    def _from_git(self) -> list[str] | None:
        """Return what git tracks or would add; None where there is no repository or no git."""
        try:
            done = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_GIT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode:
            return None
        return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1][:_MOST]

    def _walk(self) -> Iterator[str]:
        until, count = time.monotonic() + _WALK_SECONDS, 0
        # Level by level, so that what is near is found before the time is up.
        folders = [""]
        while folders:
            below: list[str] = []
            for folder in folders:
                try:
                    with os.scandir(self.cwd / folder) as entries:
                        for entry in entries:
                            path = folder + entry.name
                            if entry.is_dir(follow_symlinks=False):
                                below.append(path + "/")
                            else:
                                yield path
                            count += 1
                            if count >= _MOST or time.monotonic() > until:
                                return
                except OSError:
                    continue
            folders = [path for path in sorted(below) if not _is_hidden(path)]


def _with_folders(files: Iterator[str]) -> list[str]:
    paths: dict[str, None] = {}
    for path in files:
        paths[path] = None
        folder = path
        while folder := folder.rpartition("/")[0]:
            if folder + "/" in paths:
                break
            paths[folder + "/"] = None
    return list(paths)


def _is_hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path


def best(paths: Iterator[str] | Sequence[str], query: str, limit: int) -> list[str]:
    """Return the paths that hold a query, or that it abbreviates (`tcm`: `tests/chat_models`), the closest first."""
    wanted = query.casefold()
    ranked = ((rank, path) for path in paths if (rank := _rank(path, wanted)) is not None)
    return [path for _, path in heapq.nsmallest(limit, ranked)]


def _rank(path: str, wanted: str) -> tuple[int, int, int] | None:
    folded = path.casefold()
    name = folded.rstrip("/").rpartition("/")[2]
    if folded.startswith(wanted) or name.startswith(wanted):
        kind = 0
    elif wanted in name:
        kind = 1
    elif wanted in folded:
        kind = 2
    elif _abbreviates(wanted, folded):
        kind = 3
    else:
        return None
    return kind, folded.count("/"), len(folded)


def _abbreviates(wanted: str, path: str) -> bool:
    """Tell whether each letter follows the one before it or begins a later word."""
    starts = {match.end() for match in _WORD_START.finditer(path) if match.end() < len(path)}
    places = {place for place in starts if path[place] == wanted[:1]}
    for letter in wanted[1:]:
        if not places:
            return False
        first = min(places)
        candidates = {place + 1 for place in places if place + 1 < len(path)} | {p for p in starts if p > first}
        places = {place for place in candidates if path[place] == letter}
    return bool(places)
