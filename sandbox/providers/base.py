"""The shape every provider has. The guest inside is the same for all of them (`sandbox.guest`).

How a provider starts the guest: `python3 -I FOLDER` where FOLDER holds a copy of `sandbox/guest`, as the first
process of its own pid namespace (it reaps orphans itself), with the JSON of `guest_config(spec)` in the environment
variable `LRA_GUEST`, and one of `--listen PATH` (it binds a unix socket), `--listen-fd N` (it inherits a listening
one) or `--stdio` (frames on standard input and output). The guest gives the config to nobody: it is gone from the
environment before anything of the user's runs.
"""

from __future__ import annotations

import json
import secrets
from asyncio import StreamReader, StreamWriter
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

Language = Literal["python", "shell"]
Network = Literal["none", "limited", "unrestricted"]

State = dict[str, Any]
"""What a provider needs to find a box again; plain JSON, kept by the manager."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one sandbox may use."""

    memory_mb: int = 1024
    cpus: float = 1.0
    pids: int = 128
    disk_mb: int = 512
    files: int = 20_000
    """Files and folders in the workspace and /tmp together."""
    output_bytes: int = 1_000_000
    """Output of one call that is passed on: the first and the last half; the rest is in a file."""
    wall_seconds: float = 60.0
    """How long a call may run when it names no time of its own."""


def _new_id() -> str:
    return "sb_" + secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What one sandbox is to be."""

    image: str | None = None
    """Image of providers that have images; None is their default."""
    language: Language = "python"
    packages: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names by package manager: `{"pip": ("pandas",)}`."""
    network: Network = "none"
    allowed_hosts: tuple[str, ...] = ()
    limits: Limits = Limits()
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment of the user's code."""
    workspace: str = "/workspace"
    """Folder inside the sandbox that files are read from and written to."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    idle_seconds: float = 900.0
    lifetime_seconds: float = 14_400.0
    lease_seconds: float = 30.0
    """How long a guest outlives the last word of its owner."""
    sandbox_id: str = field(default_factory=_new_id)
    token: str = field(default_factory=lambda: secrets.token_hex(24))
    """What the owner shows the guest; whoever connects without it is turned away."""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, token included: for the owner's own files only."""
        return asdict(self) | {"packages": {name: list(items) for name, items in self.packages.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Spec:
        """Read back what `to_dict` returned."""
        return cls(
            **{
                **data,
                "limits": Limits(**data["limits"]),
                "packages": {name: tuple(items) for name, items in data["packages"].items()},
                "allowed_hosts": tuple(data["allowed_hosts"]),
            }
        )


def guest_config(spec: Spec, **more: Any) -> str:
    """Return the JSON that the guest of a sandbox reads from `LRA_GUEST`.

    Args:
        spec: The sandbox.
        **more: Further settings, such as `relay` (unix socket of the egress proxy, as seen inside) and `preload`
            (modules that kernels are born with).
    """
    return json.dumps(
        {
            "token": spec.token,
            "workspace": spec.workspace,
            "lease": spec.lease_seconds,
            "output_bytes": spec.limits.output_bytes,
            "env": dict(spec.env),
            **more,
        }
    )


class Box(Protocol):
    """One isolated guest that runs."""

    @property
    def state(self) -> State:
        """What `Provider.adopt` needs to find this box from another process."""
        ...

    async def connect(self) -> tuple[StreamReader, StreamWriter]:
        """Open a connection that speaks the guest protocol.

        Raises:
            GoneError: The box has ended.
        """
        ...

    async def kill(self) -> None:
        """End it and everything in it, and remove what it left; nothing happens when it is gone."""
        ...

    async def pause(self) -> None:
        """Freeze every process of it."""
        ...

    async def resume(self) -> None:
        """Thaw it."""
        ...

    async def alive(self) -> bool:
        """Whether it still runs."""
        ...

    async def logs(self) -> str:
        """Return the last of what the guest itself said, for finding out what went wrong."""
        ...


class Provider(Protocol):
    """A way to isolate guests."""

    name: str

    async def check(self) -> str | None:
        """Return why this provider cannot be used here and what to do about it, or None when it can."""
        ...

    async def start(self, spec: Spec) -> Box:
        """Start a guest.

        Raises:
            UnavailableError: This provider cannot be used.
            InvalidError: It has no way to do what the spec asks; nothing is left out silently.
        """
        ...

    async def adopt(self, state: State) -> Box | None:
        """Take over a box that another process started, or return None when it is gone."""
        ...

    async def find(self, state: State) -> Box | None:
        """Return a box of another process, which it stays, or None when it is gone."""
        ...

    async def reap(self, known_ids: Collection[str]) -> list[str]:
        """End boxes of dead owners, and return their sandbox ids.

        Args:
            known_ids: Sandboxes that are somebody's; they stay.
        """
        ...
