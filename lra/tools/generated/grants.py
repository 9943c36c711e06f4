"""What a written tool may use: hosts, packages, time and memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lra.errors import UsageError

_HOST = re.compile(r"(?=.{1,253}$)(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:==[A-Za-z0-9.+!-]{1,40})?")
_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What one tool may use; nothing beyond is there for it."""

    hosts: tuple[str, ...] = ()
    """Names it may reach; none without network."""
    packages: tuple[str, ...] = ()
    """Python packages it is run with."""
    seconds: float = 30.0
    """How long one call may take."""
    memory_mb: int = 256

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Grants:
        """Return checked grants.

        Args:
            given: Some of the fields by name.

        Raises:
            UsageError: One of them is unknown or wrong.
        """
        for name in given:
            if name not in cls.__slots__:
                raise UsageError(f"A tool has no grant {name!r}: there are {', '.join(cls.__slots__)}.")
        seconds, memory = given.get("seconds", 30.0), given.get("memory_mb", 256)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0.1 <= seconds <= 600:
            raise UsageError("seconds is a number from 0.1 to 600.")
        if isinstance(memory, bool) or not isinstance(memory, int) or not 128 <= memory <= 4096:
            raise UsageError("memory_mb is a whole number from 128 to 4096.")
        return cls(
            hosts=_names("hosts", given.get("hosts"), _HOST, "a host such as api.example.org"),
            packages=_names("packages", given.get("packages"), _PACKAGE, "a package such as pandas or pandas==2.2.0"),
            seconds=float(seconds),
            memory_mb=memory,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "hosts": list(self.hosts),
            "packages": list(self.packages),
            "seconds": self.seconds,
            "memory_mb": self.memory_mb,
        }

    def options(self) -> dict[str, Any]:
        """Return what a sandbox with exactly these grants is made with."""
        network = {"network": "limited", "allowed_hosts": list(self.hosts)} if self.hosts else {}
        packages = {"packages": {"pip": list(self.packages)}} if self.packages else {}
        limits = {"memory_mb": self.memory_mb, "wall_seconds": self.seconds, "disk_mb": 64, "pids": 64}
        return {"limits": limits, "idle_seconds": 300.0, **network, **packages}

    def __str__(self) -> str:
        reach = f"reaches {', '.join(self.hosts)}" if self.hosts else "reaches no network"
        packages = f", uses {', '.join(self.packages)}" if self.packages else ""
        return f"{reach}{packages}, at most {self.seconds:g} s and {self.memory_mb} MB a call"


def _names(field: str, value: object, form: re.Pattern[str], what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > _MOST:
        raise UsageError(f"{field} is a list of at most {_MOST} names.")
    names = []
    for each in value:
        name = each.strip() if isinstance(each, str) else ""
        name = name.lower().rstrip(".") if field == "hosts" else name
        if not form.fullmatch(name):
            raise UsageError(f"{str(each)[:60]!r} in {field} is no name of {what}.")
        names.append(name)
    return tuple(dict.fromkeys(names))
