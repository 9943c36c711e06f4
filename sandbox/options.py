"""What can be asked of a new sandbox, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sandbox.errors import InvalidError
from sandbox.providers.base import Limits, Spec

OPTIONS = (
    "image",
    "language",
    "packages",
    "network",
    "allowed_hosts",
    "limits",
    "env",
    "metadata",
    "idle_seconds",
    "lifetime_seconds",
)
_MOST: dict[str, float] = {
    "memory_mb": 65_536,
    "cpus": 64,
    "pids": 4096,
    "disk_mb": 65_536,
    "files": 1_000_000,
    "output_bytes": 16_000_000,
    "wall_seconds": 86_400,
}
_LEAST: dict[str, float] = {
    "memory_mb": 128,
    "cpus": 0.05,
    "pids": 16,
    "disk_mb": 1,
    "files": 32,
    "output_bytes": 1_000,
    "wall_seconds": 0.1,
}
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_MOST_LIFE = 7 * 86_400


def read_options(options: Mapping[str, Any]) -> Spec:
    """Return the spec of a new sandbox.

    Args:
        options: Some of `OPTIONS`; None is the default of each.

    Raises:
        InvalidError: One of them is unknown or wrong.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in OPTIONS:
            raise InvalidError(f"A sandbox has no option '{name}'.")
    _one_of(given, "language", ("python", "shell"))
    _one_of(given, "network", ("none", "limited", "unrestricted"))
    if "image" in given and not isinstance(given["image"], str):
        raise InvalidError("image is a name.")
    for name in ("idle_seconds", "lifetime_seconds"):
        if name in given:
            given[name] = _number(name, given[name], 1, _MOST_LIFE)
    if "limits" in given:
        given["limits"] = _limits(given["limits"])
    for name in ("env", "metadata"):
        if name in given:
            given[name] = _texts(name, given[name])
    for name in given.get("env", {}):
        if not _ENV_NAME.fullmatch(name):
            raise InvalidError(f"'{name[:40]}' is no name of an environment variable.")
    if "allowed_hosts" in given:
        given["allowed_hosts"] = _names("allowed_hosts", given["allowed_hosts"])
        if given.get("network") != "limited" and given["allowed_hosts"]:
            raise InvalidError("allowed_hosts go with network 'limited'.")
    if "packages" in given:
        if not isinstance(given["packages"], Mapping):
            raise InvalidError("packages are lists of names by package manager.")
        given["packages"] = {str(each): _names("packages", names) for each, names in given["packages"].items()}
    return Spec(**given)


def _limits(value: object) -> Limits:
    if not isinstance(value, Mapping):
        raise InvalidError("limits are numbers by name.")
    known = {each.name: each for each in fields(Limits)}
    read: dict[str, Any] = {}
    for name, number in value.items():
        if name not in known:
            raise InvalidError(f"There is no limit '{name}': choose of {', '.join(known)}.")
        checked = _number(name, number, _LEAST[name], _MOST[name])
        read[name] = checked if name in {"cpus", "wall_seconds"} else int(checked)
    return Limits(**read)


def _number(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InvalidError(f"{name} is a number from {least:g} to {most:g}.")
    return float(value)


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if name in given and given[name] not in allowed:
        raise InvalidError(f"{name} is one of {', '.join(allowed)}.")


def _texts(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or len(value) > 100:
        raise InvalidError(f"{name} is at most 100 texts by name.")
    for key, text in value.items():
        if not isinstance(key, str) or not isinstance(text, str) or "\0" in key + text or len(key + text) > 32_768:
            raise InvalidError(f"{name} holds texts of at most 32,768 characters without NUL.")
    return dict(value)


def _names(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > 200 or not all(isinstance(each, str) for each in value):
        raise InvalidError(f"{name} is a list of at most 200 names.")
    return tuple(value)
