"""Names of packages, checked: nothing in them can be read as an option, a path, an address or a command."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from sandbox.errors import InvalidError

MOST = 100
"""Packages that one sandbox may have, of all package managers together."""
_PIP_VERSION = r"(?:==|~=|!=|>=|<=|<|>)[A-Za-z0-9.*+!_-]{1,60}"
_NAMES = {
    "pip": re.compile(
        r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
        r"(?:\[[A-Za-z0-9._-]{1,60}(?:,[A-Za-z0-9._-]{1,60}){0,9}\])?"
        rf"(?:{_PIP_VERSION}(?:,{_PIP_VERSION}){{0,4}})?\Z"
    ),
    # A version or a tag; what leads to an address, a file or another package has a colon or a slash in it.
    "npm": re.compile(
        r"(?:@[a-z0-9][a-z0-9._~-]{0,80}/)?[a-z0-9][a-z0-9._~-]{0,120}(?:@[\^~]?[A-Za-z0-9][A-Za-z0-9.+*-]{0,60})?\Z"
    ),
    # A minus at the end would remove the package.
    "apt": re.compile(r"[a-z0-9][a-z0-9.+-]{0,100}[a-z0-9.+](?:=[0-9][A-Za-z0-9.+:~-]{0,80})?\Z"),
}
_OF = {"pip": "a Python package", "npm": "a package of npm", "apt": "a package of the system"}


def checked(packages: Mapping[str, tuple[str, ...]], *, only: tuple[str, ...] = tuple(_NAMES)) -> dict[str, list[str]]:
    """Return the names by package manager, each once and sorted; managers without names are left out.

    Args:
        packages: Names by package manager.
        only: Package managers that can be used here.

    Raises:
        InvalidError: A name is none, there are too many, or a manager cannot be used.
    """
    wanted = {manager: sorted(set(names)) for manager, names in sorted(packages.items()) if names}
    for manager, names in wanted.items():
        if manager not in _NAMES:
            raise InvalidError(f"There is no package manager {manager[:40]!a}: choose of {', '.join(_NAMES)}.")
        if manager not in only:
            known = ", ".join(only)
            raise InvalidError(f"Packages of {manager} need the docker provider; here are only those of {known}.")
        for name in names:
            if not _NAMES[manager].match(name):
                raise InvalidError(f"{name[:80]!a} is not the name of {_OF[manager]}.")
    number = sum(map(len, wanted.values()))
    if number > MOST:
        raise InvalidError(f"{number} packages are more than the {MOST} a sandbox may have.")
    return wanted


def fingerprint(wanted: Mapping[str, list[str]], *more: str) -> str:
    """Return what tells one set of packages from another.

    Args:
        wanted: What `checked` returned.
        *more: What else the result depends on.
    """
    lines = [*more, *(f"{manager} {name}" for manager, names in sorted(wanted.items()) for name in names)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


_SAID = tuple(
    re.compile(pattern)
    for pattern in (
        r"No matching distribution found for (\S+)",
        r"Could not find a version that satisfies the requirement (\S+)",
        r"Failed (?:to build|building wheel for) '?([A-Za-z0-9._-]+)'?",
        r"E: Unable to locate package (\S+)",
        r"E: Package '([^']+)' has no installation candidate",
        r"E: Version '[^']+' for '([^']+)' was not found",
        r"No matching version found for (\S+?)\.?(?:\s|$)",
        r"'((?:@[^'/@]+/)?[^'@/]+)@[^']*' is not in this registry",
    )
)


def culprits(lines: list[str], wanted: Mapping[str, list[str]]) -> list[str]:
    """Return which packages an installation failed for, as far as it says so; all of them where it does not.

    Args:
        lines: What the installation said.
        wanted: What was to be installed.
    """
    every = [name for names in wanted.values() for name in names]
    said = {match[1] for line in lines for pattern in _SAID if (match := pattern.search(line))}
    named = [name for name in every if any(_bare(name) == _bare(each) for each in said)]
    # One that another needs is not among those that were asked for.
    return named or sorted(said) or every


_COMPLAINT = re.compile(r"(?:E:|ERROR:?|error:|npm ERR!|npm error)\s+\S")


def complaints(lines: list[str]) -> str:
    """Return the last of what an installation said is wrong, empty when it said nothing of the kind.

    Args:
        lines: What the installation said.
    """
    wrong = [line for line in lines if _COMPLAINT.match(line) and "complete log of this run" not in line]
    return " ".join(wrong[-4:])[-600:]


def _bare(name: str) -> str:
    found = re.match(r"@?[A-Za-z0-9._+~/-]+", name.lower())
    return re.sub(r"[-_.]+", "-", found[0]) if found else name
