"""Which files of a person's folder go into a sandbox: what git would track, without what looks like a secret."""

from __future__ import annotations

import fnmatch
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lra.errors import UsageError
from lra.text import file_size

MOST_FILES = 20_000
MOST_BYTES = 512_000_000
_NEVER = frozenset({".git", ".hg", ".svn", ".bzr", ".jj", ".lra"})
"""Never given and never changed: what runs as soon as somebody uses the repository lies in there, and what says what
tools may do."""
_BUILT = frozenset(
    {"node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
    | {".ipynb_checkpoints", ".DS_Store"}
)
"""Left out where no git says what is left out."""
_SECRETS: tuple[str, ...] = (
    ".env",
    ".env.*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.keystore",
    ".netrc",
    ".pgpass",
    ".pypirc",
    ".npmrc",
)
_SECRETS += ("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "credentials", "credentials.json", ".htpasswd")
_EXAMPLES = ("*.example", "*.sample", "*.template", "*.pub")
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_GIT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the folder."""

    size: int
    changed: int
    """When, in nanoseconds."""
    executable: bool


@dataclass(slots=True)
class Scan:
    """What a folder holds."""

    files: dict[str, Found] = field(default_factory=dict)
    """By path relative to the folder, with `/` between steps."""
    links: dict[str, str] = field(default_factory=dict)
    """Symbolic links that stay within the folder, and where they point."""
    secret: list[str] = field(default_factory=list)
    """Files that were left out because their names say that they hold secrets."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files.values())


def scan(root: Path) -> Scan:
    """Look through a folder. Blocks.

    Args:
        root: The folder, an absolute path without symbolic links in it.

    Raises:
        UsageError: It holds too much.
    """
    listed = _listed_by_git(root)
    found = Scan()
    total = 0
    for path in _walk(root) if listed is None else listed:
        if not usable(path):
            continue
        try:
            look = os.lstat(root / path)
        except OSError:
            continue
        if is_secret(path):
            found.secret.append(path)
        elif stat.S_ISLNK(look.st_mode):
            target = os.readlink(root / path)
            if _stays(path, target):
                found.links[path] = target
        elif stat.S_ISREG(look.st_mode):
            found.files[path] = Found(look.st_size, look.st_mtime_ns, bool(look.st_mode & 0o100))
            total += look.st_size
            if len(found.files) > MOST_FILES or total > MOST_BYTES:
                raise UsageError(
                    f"{root} holds more than {MOST_FILES:,} files or {file_size(MOST_BYTES)}.",
                    hint="Name a folder in it, or list what is not needed in a .gitignore.",
                )
    return found


def usable(path: str) -> bool:
    """Whether a path can be given to a sandbox and taken back from one.

    Args:
        path: Relative to the folder.
    """
    parts = path.split("/")
    # File systems that ignore case, drop dots at the end or have short names read more than this as `.git`.
    plain = [part.rstrip(". ").lower() for part in parts]
    if any(part in {"", ".", ".."} for part in parts) or any(
        part in _NEVER or part.startswith("git~") for part in plain
    ):
        return False
    # What cannot be shown as it is cannot be agreed to.
    return path.isprintable() and "\\" not in path and len(os.fsencode(path)) < 4000


def is_secret(path: str) -> bool:
    """Whether a file's name says that it holds secrets.

    Args:
        path: Relative to the folder.
    """
    name = path.rpartition("/")[2].lower()
    if any(fnmatch.fnmatchcase(name, each) for each in _EXAMPLES):
        return False
    return any(fnmatch.fnmatchcase(name, each) for each in _SECRETS)


def ignored(root: Path, paths: Iterable[str]) -> set[str]:
    """Return those of some new paths that the folder leaves out. Blocks.

    Args:
        root: The folder.
        paths: Relative to the folder.
    """
    wanted = [path for path in paths if usable(path)]
    found = {path for path in wanted if _BUILT & set(path.split("/"))}
    if wanted and (answer := _git(root, "check-ignore", "-z", "--stdin", text="\0".join(wanted) + "\0")) is not None:
        found |= set(answer.split("\0")) & set(wanted)
    return found


def _listed_by_git(root: Path) -> list[str] | None:
    answer = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    return None if answer is None else sorted(set(answer.split("\0")) - {""})


def _git(root: Path, *arguments: str, text: str = "") -> str | None:
    """Return what git says, or None where it says nothing of this folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_CEILING_DIRECTORIES": ""}
    try:
        done = subprocess.run(
            [*_GIT, *arguments],
            cwd=root,
            env=env,
            input=os.fsencode(text),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # 1 is how it says that nothing is ignored.
    return os.fsdecode(done.stdout) if done.returncode == 0 or (done.returncode == 1 and text) else None


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root, followlinks=False):
        here = os.path.relpath(folder, root)
        prefix = "" if here == "." else here.replace(os.sep, "/") + "/"
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = sorted(name for name in folders if name not in _BUILT | _NEVER and name not in links)
        for name in sorted([*names, *links]):
            if name not in _BUILT:
                yield prefix + name


def _stays(path: str, target: str) -> bool:
    """Whether a link leads to a place within the folder, however its steps are read."""
    if not target or target.startswith("/") or not target.isprintable():
        return False
    steps = os.path.normpath(os.path.join(os.path.dirname(path), target))
    return not (steps == ".." or steps.startswith("../")) and ".git" not in steps.split("/")
